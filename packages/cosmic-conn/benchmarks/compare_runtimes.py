"""The network alone, one tile of 320 x 320 pixels, by our fast pass, torch, ONNX Runtime and OpenVINO.

    pip install onnx onnxruntime openvino        # in an environment of their own, or beside this package
    python compare_runtimes.py

One thread each; they take turns for nine rounds. Times are the medians of the process's own time, ratios the medians of
the ratios within a round, distances those of probabilities from the network in float64. The weights are random.
"""

from __future__ import annotations

import os
import tempfile
import time
from importlib import import_module
from pathlib import Path

# numpy and torch are imported after this.
for _pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_pool] = "1"

ROUNDS = 9
SIDE = 320


def main() -> None:
    from cosmic_conn.network import Architecture

    for name, architecture in (
        ("the published network", Architecture()),
        ("the network that is shipped", Architecture(hidden=16, norm="batch", shared_norm=False)),
    ):
        print(name)
        compare(architecture)


def compare(architecture) -> None:
    import numpy as np
    import torch

    from cosmic_conn.forward import Forward
    from cosmic_conn.network import UNet, folded

    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = UNet(architecture).eval()
    image = torch.randn(1, 1, SIDE, SIDE)
    forward = Forward(architecture, {k: v.numpy() for k, v in network.state_dict().items()})
    plain = folded(network).to(memory_format=torch.channels_last)
    runs = {"our fast pass": lambda: forward(image[0, 0].numpy()), "torch, channels last": lambda: tensor(plain, image)}
    runs |= others(folded(network), image)
    exact = chance(tensor(folded(network).double(), image.double()))
    apart = {key: np.abs(chance(run()) - exact).max() for key, run in runs.items()}
    times = {key: [] for key in runs}
    for _ in range(ROUNDS):
        for key, run in runs.items():
            start = time.process_time()
            run()
            times[key].append(time.process_time() - start)
    ours = np.array(times["our fast pass"])
    for key, taken in times.items():
        ratio = np.median(np.array(taken) / ours)
        print(f"  {key:24}{1e3 * np.median(taken):8.1f} ms, {ratio:.2f} times ours; {apart[key]:.0e} apart")


def others(network, image):
    """The runtimes that are not of this package."""
    import torch

    onnxruntime, openvino = import_module("onnxruntime"), import_module("openvino")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "network.onnx")
        torch.onnx.export(network, (image,), path, dynamo=False, opset_version=17)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        model = openvino.Core().read_model(path)
    name, pixels = session.get_inputs()[0].name, image.numpy()
    found = {"ONNX Runtime": lambda: session.run(None, {name: pixels})[0][0, 0]}
    for precision in ("f32", "bf16"):
        config = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": precision}
        request = openvino.Core().compile_model(model, "CPU", config).create_infer_request()
        found[f"OpenVINO, {precision}"] = lambda r=request: r.infer([pixels])[r.model_outputs[0]][0, 0]
    return found


def tensor(network, image):
    """What torch gives."""
    import torch

    with torch.inference_mode():
        return network(image)[0, 0].numpy()


def chance(logits):
    """The probabilities of logits."""
    import numpy as np

    return 1 / (1 + np.exp(-logits.astype(np.float64)))


if __name__ == "__main__":
    main()
