import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { prepareBitmap } from './bitmap.ts'
import { ImageError, type ImageErrorCode } from './image-error.ts'
import { readImageHeader } from './image-header.ts'
import { type Codecs, unpackImage } from './unpack-image.ts'

const bytes = (...parts: (number[] | string)[]) =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === 'string' ? [...part].map((c) => c.charCodeAt(0)) : part)))
const big = (value: number, length: number) =>
  Array.from({ length }, (_, index) => Math.floor(value / 256 ** (length - 1 - index)) % 256)
const little = (value: number, length: number) => big(value, length).reverse()

/** Headers as the formats have them, with nothing worth unpacking behind them. */
const exif = (orientation: number) => [
  ...bytes('Exif\0\0MM'),
  ...[0, 42, ...big(8, 4), ...big(1, 2), ...big(0x0112, 2), ...big(3, 2), ...big(1, 4), ...big(orientation, 2), 0, 0],
]
const segment = (marker: number, data: number[]) => [0xff, marker, ...big(data.length + 2, 2), ...data]
const frame = (width: number, height: number) => segment(0xc2, [8, ...big(height, 2), ...big(width, 2), 1, 1, 0x11, 0])
const scan = [...segment(0xda, [1, 1, 0, 0, 63, 0]), 1, 2, 0xff, 0, 3, 0xff, 0xd0, 4]
const jpeg = (width: number, height: number, orientation = 1) =>
  bytes([0xff, 0xd8], segment(0xe1, exif(orientation)), frame(width, height), scan, scan, [0xff, 0xd9])
const chunk = (type: string, data: number[]) => [...big(data.length, 4), ...bytes(type), ...data, 0, 0, 0, 0]
const png = (width: number, height: number, ...chunks: number[][]) =>
  bytes(
    [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
    chunk('IHDR', [...big(width, 4), ...big(height, 4), 8, 0, 0, 0, 0]),
    ...chunks,
    chunk('IEND', []),
  )
const webp = (...chunks: [string, number[]][]) => {
  const body = chunks.flatMap(([type, data]) => [
    ...bytes(type),
    ...little(data.length, 4),
    ...data,
    ...(data.length % 2 === 1 ? [0] : []),
  ])
  return bytes('RIFF', little(body.length + 4, 4), 'WEBP', body)
}
const extended = (width: number, height: number): [string, number[]] => [
  'VP8X',
  [0, 0, 0, 0, ...little(width - 1, 3), ...little(height - 1, 3)],
]

test('the size, the turn and the end of a file are told by its header, without unpacking it', () => {
  const whole = { width: 4000, height: 3000, orientation: 1, whole: true }
  assert.deepEqual(readImageHeader(jpeg(4000, 3000, 6)), { ...whole, type: 'jpeg', orientation: 6 })
  assert.deepEqual(readImageHeader(png(4000, 3000)), { ...whole, type: 'png' })
  assert.deepEqual(readImageHeader(png(4000, 3000, chunk('eXIf', exif(8).slice(6)))), {
    ...whole,
    type: 'png',
    orientation: 8,
  })
  assert.deepEqual(readImageHeader(webp(extended(4000, 3000), ['EXIF', exif(3)])), {
    ...whole,
    type: 'webp',
    orientation: 3,
  })
  assert.deepEqual(readImageHeader(webp(['VP8 ', [0, 0, 0, 0x9d, 1, 0x2a, ...little(4000, 2), ...little(3000, 2)]])), {
    ...whole,
    type: 'webp',
  })
  assert.equal(readImageHeader(webp(['VP8L', [0x2f, ...little(3999 + 2999 * 16_384, 4), 0]]))?.height, 3000)
})

test('a file that was cut off is known by it', () => {
  for (const file of [jpeg(40, 30), png(40, 30), webp(extended(40, 30))]) {
    assert.equal(readImageHeader(file)?.whole, true)
    assert.notEqual(readImageHeader(file.subarray(0, -2))?.whole, true)
  }
})

test('a file that tells two sizes is none', () => {
  const twice = bytes([0xff, 0xd8], frame(40, 30), frame(20_000, 20_000), scan, [0xff, 0xd9])
  assert.equal(readImageHeader(twice), undefined)
})

test('whatever the bytes, the header is read without an error', () => {
  const files = [
    jpeg(40, 30, 6),
    png(40, 30, chunk('eXIf', exif(8).slice(6))),
    webp(extended(40, 30), ['EXIF', exif(3)]),
  ]
  const damaged = fc
    .tuple(fc.constantFrom(...files), fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }))
    .map(([file, changes]) => {
      const copy = file.slice()
      for (const [at, value] of changes) copy[at % copy.length] = value
      return copy
    })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), damaged, fc.constantFrom(...files)), (file) => {
      const header = readImageHeader(file)
      if (header === undefined) return
      assert.ok(header.width > 0 && header.height > 0 && header.orientation >= 1 && header.orientation <= 8)
    }),
    { numRuns: 1_000 },
  )
})

const untouched: Codecs = {
  jpeg: () => assert.fail('it was unpacked'),
  png: () => assert.fail('it was unpacked'),
  webp: () => assert.fail('it was unpacked'),
}
const refusal = (code: ImageErrorCode) => (thrown: unknown) => thrown instanceof ImageError && thrown.code === code

test('an image that is no image, cut off or enormous is refused by name, and not unpacked', async () => {
  for (const file of [bytes('%PDF-1.7'), bytes('GIF89a'), bytes(''), bytes('<svg/>')]) {
    await assert.rejects(unpackImage(file, untouched), refusal('IMAGE_TYPE'))
  }
  for (const file of [jpeg(40, 30).subarray(0, -2), png(40, 30).subarray(0, 40), jpeg(40, 30).subarray(0, 12)]) {
    await assert.rejects(unpackImage(file, untouched), refusal('IMAGE_UNREADABLE'))
  }
  for (const file of [
    jpeg(65_535, 65_535),
    png(4_000_000_000, 4_000_000_000),
    webp(extended(16_777_216, 1)),
    png(20_000, 10),
  ]) {
    await assert.rejects(unpackImage(file, untouched), refusal('IMAGE_TOO_LARGE'))
  }
})

test('what a codec unpacked is overwritten, also when it is not what the header said', async () => {
  for (const width of [2, 3]) {
    const data = new Uint8Array(width * 4).fill(7)
    let wiped = false
    const codecs = { ...untouched, png: async () => ({ width, height: 1, data, wipe: () => (wiped = true) }) }
    const unpacked = unpackImage(png(2, 1), codecs)
    if (width === 2) assert.equal((await unpacked).pixels.length, 2)
    else await assert.rejects(unpacked, refusal('IMAGE_UNREADABLE'))
    assert.ok(wiped && data.every((byte) => byte === 0))
  }
})

test('each of the eight turns puts the same picture upright', () => {
  // Three pixels wide, two high: bright, middle, dark over three that are black.
  const upright = { width: 3, height: 2, grey: [250, 150, 50, 10, 20, 30] }
  const stored: Record<number, [width: number, height: number, grey: number[]]> = {
    1: [3, 2, [250, 150, 50, 10, 20, 30]],
    2: [3, 2, [50, 150, 250, 30, 20, 10]],
    3: [3, 2, [30, 20, 10, 50, 150, 250]],
    4: [3, 2, [10, 20, 30, 250, 150, 50]],
    5: [2, 3, [250, 10, 150, 20, 50, 30]],
    6: [2, 3, [50, 30, 150, 20, 250, 10]],
    7: [2, 3, [30, 50, 20, 150, 10, 250]],
    8: [2, 3, [10, 250, 20, 150, 30, 50]],
  }
  for (const [orientation, [width, height, grey]] of Object.entries(stored)) {
    const data = Uint8Array.from(grey.flatMap((value) => [value, value, value, 255]))
    const bitmap = prepareBitmap({ width, height, data }, Number(orientation))
    assert.deepEqual(
      [bitmap.width, bitmap.height, [...bitmap.pixels]],
      [upright.width, upright.height, upright.grey],
      orientation,
    )
  }
})

test('a large picture is averaged down to what the engine takes, and what is transparent is white', () => {
  const data = Uint8Array.from({ length: 8 * 8 * 4 }, (_, index) =>
    index % 4 === 3 ? 255 : Math.floor(index / 4) % 2 === 0 ? 0 : 200,
  )
  const small = prepareBitmap({ width: 8, height: 8, data }, 1, 16)
  assert.deepEqual([small.width, small.height, [...new Set(small.pixels)]], [4, 4, [100]])
  const clear = prepareBitmap({ width: 1, height: 1, data: Uint8Array.of(0, 0, 0, 0) }, 1)
  assert.deepEqual([...clear.pixels], [255])
})
