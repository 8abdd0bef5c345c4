/** Bytes of a page, and pages of one file of a relation, as every packaged Postgres is built. */
export const pageBytes = 8_192
export const pagesPerFile = 131_072

const lanes = 32
const prime = 16_777_619

/** Where each of the 32 sums begins; from `storage/checksum_impl.h`. */
const offsets = Int32Array.of(
  ...[0x5b1f36e9, 0xb8525960, 0x02ab50aa, 0x1de66d2a, 0x79ff467a, 0x9bb9f8a3, 0x217e7cd2, 0x83e13d2c],
  ...[0xf8d4474f, 0xe39eb970, 0x42c6ae16, 0x993216fa, 0x7b093b5d, 0x98daff3c, 0xf718902a, 0x0b1c9cdb],
  ...[0xe58f764b, 0x187636bc, 0x5d7b3bb1, 0xe73de7de, 0x92bec979, 0xcca6c0b2, 0x304a0979, 0x85aa43d4],
  ...[0x783125bb, 0x6ca8eaa2, 0xe407eac6, 0x4b5cfc3e, 0x9fbf8c76, 0x15ca20be, 0xf2ca9fd3, 0x959bd756],
)

/**
 * The checksum Postgres gives a page: 32 FNV-1a sums over every 32nd word, folded, mixed with the block's number. Never 0.
 * @param words the page as 2048 little-endian words
 * @param block number of the page in its relation, over all files of it
 */
export function pageChecksum(words: Int32Array, block: number): number {
  const sums = offsets.slice()
  for (let at = 0; at < words.length; at += lanes) {
    for (let lane = 0; lane < lanes; lane++) {
      // The field of the checksum itself, the lower half of the third word, counts as zero.
      const word = at + lane === 2 ? (words[2] ?? 0) & -0x1_0000 : (words[at + lane] ?? 0)
      const mixed = (sums[lane] ?? 0) ^ word
      sums[lane] = Math.imul(mixed, prime) ^ (mixed >>> 17)
    }
  }
  let folded = 0
  for (const sum of sums) {
    let mixed = sum
    for (let round = 0; round < 2; round++) mixed = Math.imul(mixed, prime) ^ (mixed >>> 17)
    folded ^= mixed
  }
  return (((folded ^ block) >>> 0) % 65_535) + 1
}

/** The checksum that stands in the page. */
export function storedChecksum(words: Int32Array): number {
  return (words[2] ?? 0) & 0xffff
}

/** Whether the page was added to its file and never filled: its free space ends at 0. Such a page has no checksum. */
export function isNewPage(words: Int32Array): boolean {
  return (words[3] ?? 0) >>> 16 === 0
}
