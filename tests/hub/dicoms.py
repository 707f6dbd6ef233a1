"""DICOM files for tests, written by pydicom."""

from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

PATIENT = "Doe^Jane"


def head(size: int = 64) -> np.ndarray:
    """A skull and a brain in HU, int16 [size, size]."""
    y, x = np.mgrid[:size, :size] - size / 2
    radius = np.hypot(x, 1.2 * y) / size
    picture = np.full((size, size), -1000, np.int16)
    picture[radius < 0.42], picture[radius < 0.36] = 900, 35
    return picture


def write_dicom(path: Path, stored: np.ndarray, **elements: object) -> Path:
    """``stored``, [H, W] or frames of it, of 16 bits and CT unless ``elements`` say otherwise."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
    file.SOPClassUID, file.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    file.PatientName, file.Modality, file.PhotometricInterpretation = PATIENT, "CT", "MONOCHROME2"
    file.Rows, file.Columns = stored.shape[-2:] if elements.get("SamplesPerPixel") != 3 else stored.shape[:2]
    file.SamplesPerPixel, bits = 1, stored.dtype.itemsize * 8
    file.BitsAllocated, file.BitsStored, file.HighBit = bits, bits, bits - 1
    file.PixelRepresentation = int(stored.dtype.kind == "i")
    if stored.ndim == 3 and elements.get("SamplesPerPixel") != 3:
        file.NumberOfFrames = len(stored)
    file.PixelData = stored.tobytes()
    for name, value in elements.items():
        setattr(file, name, value)
    file.save_as(path, enforce_file_format=True)
    return path
