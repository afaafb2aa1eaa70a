"""OpenCV as somebody writes it who has measured every line: all steps in OpenCV or on whole planes."""
import random

import cv2
import numpy
from peers import opencv

VERSIONS = opencv.VERSIONS


def contrast(image):
    factor = random.uniform(0.6, 1.4)
    mean = cv2.mean(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))[0]
    return cv2.addWeighted(image, factor, image, 0.0, (1 - factor) * mean)


def saturation(image):
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    hsv[..., 1] = cv2.convertScaleAbs(hsv[..., 1], alpha=random.uniform(0.6, 1.4))
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


HUES = numpy.arange(256, dtype=numpy.int32)


def hue(image):
    table = ((HUES + round(random.uniform(-0.1, 0.1) * 180)) % 180).astype(numpy.uint8)
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = cv2.LUT(hsv[..., 0], table)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


def normalize(image, mean, std):
    planes = numpy.empty((3,) + image.shape[:2], numpy.float32)
    for c, plane in enumerate(cv2.split(image)):
        numpy.multiply(plane, 1 / (255 * std[c]), out=planes[c], dtype=numpy.float32)
        planes[c] -= mean[c] / std[c]
    return planes


def pairs(work):
    return opencv.pairs_of(work, [opencv.brightness, contrast, saturation, hue], normalize)
