#!/usr/bin/env python3
"""Parquet with images, as the data sets of the Hugging Face Hub are, as tars that shard-encoder reads.

    python3 -m venv venv && venv/bin/pip install pyarrow
    venv/bin/python tools/parquet_to_webdataset.py OUTPUT_FOLDER FILE.parquet...
    shard-encoder --input=OUTPUT_FOLDER --output=images

Every Parquet file becomes a tar of the same name: NUMBER.jpg (or what its bytes are) and NUMBER.cls, and where the
schema names the classes, classes.txt. The file names begin with the split, as on the Hub: train-00000-of-00002.parquet.
  --image COLUMN   default: the one column that is struct<bytes, path> or binary
  --label COLUMN   default: label, if there is one; the class by its number or name
Needs pyarrow, nothing else; Debian has no reader of Parquet, so this is no part of the build.
"""
import argparse
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
    return image, label


def add(tar, name, data):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def convert(path, output, image, label):
    file = pyarrow.parquet.ParquetFile(path)
    image, label = columns(file.schema_arrow, image, label, path)
    number = 0
    name = os.path.splitext(os.path.basename(path))[0]
    with tarfile.open(os.path.join(output, name + '.tar'), 'x') as tar:
        for batch in file.iter_batches(64, columns=[image] + ([label] if label else [])):
            for row in batch.to_pylist():
                data = row[image]['bytes'] if isinstance(row[image], dict) else row[image]
                if data is None:
                    sys.exit(f'{path}: row {number} has no bytes of its image, only its path; --image names the column')
                add(tar, f'{number:08d}.{extension(data)}', data)
                if label and row[label] is not None:
                    add(tar, f'{number:08d}.cls', str(row[label]).encode())
                number += 1
    names = class_names(file.schema_arrow, label)
    print(f'{path}: {number} images' + (f', {len(names)} classes' if names else ''), file=sys.stderr)
    return names


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('output')
    parser.add_argument('files', nargs='+')
    parser.add_argument('--image')
    parser.add_argument('--label')
    options = parser.parse_args()
    os.makedirs(options.output, exist_ok=True)
    found = {json.dumps(convert(path, options.output, options.image, options.label)) for path in options.files}
    if len(found) > 1:
        sys.exit('the files name their classes differently: convert them into folders of their own')
    names = json.loads(found.pop())
    if names:
        with open(os.path.join(options.output, 'classes.txt'), 'x', encoding='utf-8') as file:
            file.write('\n'.join(names) + '\n')


if __name__ == '__main__':
    main()
