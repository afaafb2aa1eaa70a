#!/usr/bin/env python3
"""What ranks would give: a paper model of one training step on many GPUs, as a Markdown table for docs/scaling.md.

    tools/ranks_model.py [--step_ms=91.5] [--backward=0.6] [--parameters=28e6] [--bytes=4] [--messages=159]
                         [--in_node=300] [--between=40] [--latency=20,40,60] [--gpus=8,64,512] [--batch=256]
                         [--keys=65536] [--teraflops=50]

  step_ms     of one GPU on its own batch, measured (docs/benchmarks.md, ResNet-50 of MoCo-v2 at 224 px in bf16)
  backward    share of the step in which gradients can travel
  parameters  that are trained; bytes of each on its way (2 with --compress_gradients)
  messages    all-reduces of batch norm in a step that nothing hides: 53 layers, forward of query and key, backward
  in_node, between  GB/s that an all-reduce reaches among the 8 GPUs of a node, and per GPU between nodes
  latency     microseconds of a small all-reduce, for each number of GPUs
  keys        that every image of the global batch is compared with, by every rank: MoCo's queue, of 128 numbers each
  teraflops   at which that goes, in float32
Nothing of the network was measured: those figures are what such machines are said to reach.
"""
import argparse

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument('--step_ms', type=float, default=91.5)
parser.add_argument('--backward', type=float, default=0.6)
parser.add_argument('--parameters', type=float, default=28e6)
parser.add_argument('--bytes', type=float, default=4)
parser.add_argument('--messages', type=int, default=159)
parser.add_argument('--in_node', type=float, default=300)
parser.add_argument('--between', type=float, default=40)
parser.add_argument('--latency', default='20,40,60')
parser.add_argument('--gpus', default='8,64,512')
parser.add_argument('--batch', type=int, default=256)
parser.add_argument('--keys', type=int, default=65536)
parser.add_argument('--teraflops', type=float, default=50)
options = parser.parse_args()
gpu_counts = [int(count) for count in options.gpus.split(',')]
latencies = [float(latency) for latency in options.latency.split(',')]
if len(gpu_counts) != len(latencies):
    parser.error(f'--gpus has {len(gpu_counts)} numbers, --latency {len(latencies)}')

BUCKET_BYTES = 4 << 20  # cassle/ssl/training/average_gradients.cc

print('| GPUs | global batch | batch norm, ms | gradients, ms | of them not hidden | objective, ms | its logits, GB | step, ms | images/s | of one GPU each |')
print('| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |')
for gpus, latency in zip(gpu_counts, latencies):
    speed = options.in_node if gpus <= 8 else options.between
    size = options.parameters * options.bytes
    buckets = max(1, size / BUCKET_BYTES)
    # A ring: every rank sends and receives 2 (n - 1) / n of the bytes.
    wire = 2 * (gpus - 1) / gpus * size / speed / 1e6
    travel = wire + buckets * latency / 1e3
    # The first bucket leaves when its part of the backward pass is done, the last one has nothing to hide behind.
    shown = max(travel - options.backward * options.step_ms, 0) + travel / buckets
    norm = options.messages * latency / 1e3
    # Every rank computes the objective of the whole batch: products forward, and for both gradients.
    logits = gpus * options.batch * options.keys
    objective = 3 * 2 * 128 * logits / options.teraflops / 1e9
    step = options.step_ms + norm + shown + objective
    print(f'| {gpus} | {gpus * options.batch:,} | {norm:.1f} | {travel:.1f} | {shown:.1f} | '
          f'{objective:.1f} | {4 * logits / 1e9:.1f} | {step:.0f} | '
          f'{gpus * options.batch / step * 1e3:,.0f} | {options.step_ms / step:.2f} |')
