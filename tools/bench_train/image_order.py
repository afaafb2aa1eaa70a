"""The order in which pretrain (seed 0) sees the images: cassle/base/permutation.h in Python."""
import tarfile

MASK32 = 0xFFFFFFFF
SHUFFLE_DOMAIN = 32  # RandomDomain::kShuffle


def philox(counter, key):
    """Philox 4x32-10 on one counter."""
    c, k = list(counter), list(key)
    for _ in range(10):
        low, high = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(high >> 32) ^ c[1] ^ k[0], high & MASK32, (low >> 32) ^ c[3] ^ k[1], low & MASK32]
        k = [(k[0] + 0x9E3779B9) & MASK32, (k[1] + 0xBB67AE85) & MASK32]
    return c


def mix_seed(seed, salt):
    mixed = philox((salt & MASK32, salt >> 32, 0, 0x6D697865), (seed & MASK32, seed >> 32))
    return mixed[0] << 32 | mixed[1]


def permutation(n, key):
    """Position -> index, a six-round Feistel network walked until it lands below n."""
    half_bits = 1
    while 1 << (2 * half_bits) < n:
        half_bits += 1
    mask = (1 << half_bits) - 1
    words = [[philox((half, r, 0, 0x70657264), (key & MASK32, key >> 32))[0] & mask
              for half in range(mask + 1)] for r in range(6)]

    def at(index):
        while True:
            left, right = index >> half_bits, index & mask
            for word in words:
                left, right = right, left ^ word[right]
            index = left << half_bits | right
            if index < n:
                return index

    return at


def batches(n, batch_size, epochs, seed=0):
    """Indices of the images of the first epochs; incomplete batches are left out."""
    order = []
    for epoch in range(epochs):
        at = permutation(n, mix_seed(mix_seed(seed, SHUFFLE_DOMAIN), epoch))
        order += [at(i) for i in range(n // batch_size * batch_size)]
        if len(order) >= 200000:  # More than any measurement takes.
            break
    return order


def read_tar(path):
    """The images of a tar, as files in memory."""
    with tarfile.open(path) as tar:
        return [tar.extractfile(member).read() for member in tar if member.name.endswith(".jpg")]
