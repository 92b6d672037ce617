"""How well detectors find cosmic rays, on frames whose cosmic rays are known."""
