#!/usr/bin/env python3
"""Parquet with images, as the data sets of the Hugging Face Hub are, as tars that shard-encoder reads.

    python3 -m venv venv && venv/bin/pip install pyarrow
    venv/bin/python tools/parquet_to_webdataset.py OUTPUT_FOLDER FILE.parquet...
    shard-encoder --input=OUTPUT_FOLDER --output=images

Every Parquet file becomes a tar of the same name: NUMBER.jpg (or what its bytes are) and NUMBER.cls, and where the
schema names the classes, classes.txt. The file names begin with the split, as on the Hub: train-00000-of-00002.parquet.
A tar is complete when it is there: until then its name ends in .partial. Nothing complete is overwritten.
  --image COLUMN   default: the one column that is struct<bytes, path> or binary
  --label COLUMN   default: label, if there is one; the class by its number or name
Needs pyarrow, nothing else; Debian has no reader of Parquet, so this is no part of the build.
"""
import argparse
import contextlib
import io
import json
import os
import sys
import tarfile

import pyarrow
import pyarrow.parquet

KINDS = ((b'\xff\xd8', 'jpg'), (b'\x89PNG', 'png'), (b'GIF8', 'gif'), (b'BM', 'bmp'), (b'II*\0', 'tif'), (b'MM\0*', 'tif'))


def is_image(kind):
    if pyarrow.types.is_struct(kind):
        return kind.get_field_index('bytes') >= 0
    return pyarrow.types.is_binary(kind) or pyarrow.types.is_large_binary(kind)


def extension(data):
    if data[:4] == b'RIFF' and data[8:12] == b'WEBP':
        return 'webp'
    return next((name for begin, name in KINDS if data.startswith(begin)), 'jpg')


def class_names(schema, label):
    """What the Hub writes: {"info": {"features": {"label": {"names": [...], "_type": "ClassLabel"}}}}."""
    features = json.loads((schema.metadata or {}).get(b'huggingface', b'{}')).get('info', {}).get('features', {})
    return features.get(label, {}).get('names')


def columns(schema, image, label, path):
    images = [field.name for field in schema if is_image(field.type)]
    if image is None and len(images) != 1:
        sys.exit(f'{path}: {len(images)} columns may hold images ({", ".join(images)}): name one with --image')
    image = image or images[0]
    if label is None and 'label' in schema.names:
        label = 'label'
    for name in filter(None, (image, label)):
        if name not in schema.names:
            sys.exit(f"{path}: no column is called '{name}'; there are {', '.join(schema.names)}")
    if image not in images:
        sys.exit(f"{path}: the column '{image}' holds no images, which are binary or struct<bytes, path>")
    return image, label


def add(tar, name, data):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


@contextlib.contextmanager
def told_in_a_line(path):
    """What goes wrong at a file."""
    try:
        yield
    except (OSError, pyarrow.ArrowException) as problem:
        sys.exit(f'{path}: {problem}'.splitlines()[0])


def convert(path, tar_path, image, label):
    file = pyarrow.parquet.ParquetFile(path)
    number = 0
    with tarfile.open(tar_path + '.partial', 'w') as tar:
        for batch in file.iter_batches(64, columns=[image] + ([label] if label else [])):
            for row in batch.to_pylist():
                data = row[image]['bytes'] if isinstance(row[image], dict) else row[image]
                if data is None:
                    sys.exit(f'{path}: row {number} has no bytes of its image, only its path; --image names the column')
                add(tar, f'{number:08d}.{extension(data)}', data)
                if label and row[label] is not None:
                    add(tar, f'{number:08d}.cls', str(row[label]).encode())
                number += 1
    os.replace(tar_path + '.partial', tar_path)
    print(f'{path}: {number} images', file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('output')
    parser.add_argument('files', nargs='+')
    parser.add_argument('--image')
    parser.add_argument('--label')
    options = parser.parse_args()
    # What does not fit is told before anything is written.
    tars, chosen, found = {}, {}, set()
    for path in options.files:
        tar_path = os.path.join(options.output, os.path.splitext(os.path.basename(path))[0] + '.tar')
        if os.path.exists(tar_path):
            sys.exit(f'{path}: {tar_path} exists: convert it into another folder')
        if tar_path in tars.values():
            sys.exit(f'{path}: {tar_path} is that of another file: convert it into another folder')
        tars[path] = tar_path
        with told_in_a_line(path):
            schema = pyarrow.parquet.read_schema(path)
        chosen[path] = columns(schema, options.image, options.label, path)
        names = class_names(schema, chosen[path][1])
        found.add('\n'.join(names) + '\n' if names else '')
    classes = os.path.join(options.output, 'classes.txt')
    with told_in_a_line(classes):
        os.makedirs(options.output, exist_ok=True)
        if os.path.exists(classes):
            with open(classes, encoding='utf-8') as file:
                found.add(file.read())
        if len(found) > 1:
            sys.exit('the files name their classes differently: convert them into folders of their own')
        names = found.pop()
        if names:
            with open(classes, 'w', encoding='utf-8') as file:
                file.write(names)
    for path, tar_path in tars.items():
        with told_in_a_line(path):
            convert(path, tar_path, *chosen[path])


if __name__ == '__main__':
    main()
