"""The periodograms of many stars at once, in the arrays of any library with NumPy's functions (CuPy on a GPU).

The first argument `xp` is the library.  The formulas are those of the modules above, which take one star at a time;
phases are the same integers, so that every point falls into the same bin.  Stars of different lengths are filled up
with points of weight zero.  Only functions are used that CuPy has and means the same by (https://docs.cupy.dev,
"Differences between CuPy and NumPy"): its ``add.at`` takes 32-bit integers, unsigned 64-bit ones and floats alone, its
sorting is always stable, and matrix products of float32 are not rounded further unless ``CUPY_TF32`` is set.
"""
