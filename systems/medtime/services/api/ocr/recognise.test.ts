import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { before, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import encodeJpeg, { init as initJpeg } from '@jsquash/jpeg/encode.js'
import encodeWebp, { init as initWebp } from '@jsquash/webp/encode.js'
import fc from 'fast-check'
import { type Engine, type EngineModule, startEngine } from '../../../client/ocr/engine.ts'
import { ImageError } from '../../../client/ocr/image-error.ts'
import { recognise } from '../../../client/ocr/recognise.ts'
import { unpackImage } from '../../../client/ocr/unpack-image.ts'
import { wasmCodecs } from '../../../client/ocr/wasm-codecs.ts'
import { parts } from './child/parts.ts'
import { type Drawing, drawText } from './drawn-text.ts'
import { greyPng } from './grey-png.ts'

/*
 * The parts of the reading process, in this one: they are the same that a browser runs.
 */

const require = createRequire(import.meta.url)
const compiled = (file: string) => new WebAssembly.Module(readFileSync(require.resolve(file)))

before(async () => {
  await initJpeg(compiled('@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm'))
  await initWebp(compiled('@jsquash/webp/codec/enc/webp_enc_simd.wasm'))
})

const page = drawText(['Enalapril 10 mg tabletas', 'cada 12 horas'], 48)

/** As a camera held sideways stores it: Exif says 6. */
function sideways({ width, height, pixels }: Drawing) {
  const data = new Uint8ClampedArray(width * height * 4)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = ((width - 1 - x) * height + y) * 4
      data.fill(pixels[y * width + x] ?? 255, at, at + 3)
      data[at + 3] = 255
    }
  }
  return { data, width: height, height: width, colorSpace: 'srgb' as const, pixelFormat: 'rgba-unorm8' as const }
}

const exif = [
  ...[0xff, 0xe1, 0, 34, 0x45, 0x78, 0x69, 0x66, 0, 0, 0x4d, 0x4d, 0, 42, 0, 0, 0, 8],
  ...[0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0],
]

test('a JPEG from a camera held sideways is read upright, and its bytes and the engine are wiped', async () => {
  const stored = new Uint8Array(await encodeJpeg(sideways(page), { quality: 80 }))
  const file = Uint8Array.from([...stored.subarray(0, 2), ...exif, ...stored.subarray(2)])
  let wiped = 0
  const start = async (): Promise<Engine> => {
    const engine = await parts.start()
    return {
      ...engine,
      wipe: () => {
        wiped++
        engine.wipe()
      },
    }
  }
  const { text, medicines } = await recognise(file, { ...parts, start })
  assert.match(text, /^Enalapril 10 mg tabletas\ncada 12 horas$/)
  assert.equal(medicines[0]?.frequency?.text, 'cada 12 horas')
  assert.ok(file.every((byte) => byte === 0))
  assert.equal(wiped, 1)
})

test('the engine keeps nothing of an image once it is wiped, in its memory or in its files', async () => {
  const make: (
    options: object,
  ) => Promise<EngineModule> = require('tesseract.js-core/tesseract-core-relaxedsimd-lstm.js')
  const memories: WebAssembly.Memory[] = []
  const files: Uint8Array[] = []
  const engine = await startEngine({
    factory: async (options) => {
      const module = await make(options)
      const { writeFile } = module.FS
      module.FS.writeFile = (path, data, how) => {
        if (path === '/input') files.push(data)
        writeFile(path, data, how)
      }
      return module
    },
    wasm: compiled('tesseract.js-core/tesseract-core-relaxedsimd-lstm.wasm'),
    models: new Map([
      ['eng', gunzipSync(readFileSync(require.resolve('@tesseract.js-data/eng/4.0.0_best_int/eng.traineddata.gz')))],
    ]),
    onMemory: (memory) => memories.push(memory),
  })
  assert.match(engine.recognise(page).text, /Enalapril/)
  assert.deepEqual([files.length, files[0]?.some((byte) => byte !== 0)], [1, false])
  const [memory] = memories
  assert.ok(memory !== undefined && new Uint8Array(memory.buffer).some((byte) => byte !== 0))
  engine.wipe()
  assert.ok(new Uint8Array(memory.buffer).every((byte) => byte === 0))
})

test('whatever was done to an image, it is unpacked or refused by name, and the next one is unpacked', async () => {
  const codecs = wasmCodecs(async (file) => compiled(file))
  const small = drawText(['10 mg'], 24)
  const files = [
    greyPng(small),
    new Uint8Array(await encodeJpeg(upright(small), { quality: 60 })),
    new Uint8Array(await encodeWebp(upright(small), { quality: 60 })),
  ]
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...files),
      fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 0, max: 255 })), {
        maxLength: 5,
      }),
      fc.boolean(),
      async (file, changes, cut) => {
        const damaged = cut ? file.slice(0, Math.floor(file.length * (changes[0]?.[0] ?? 1))) : file.slice()
        for (const [where, value] of changes) damaged[Math.floor(where * (damaged.length - 1))] = value
        await unpackImage(damaged, codecs).catch((thrown: unknown) => assert.ok(thrown instanceof ImageError))
        const whole = await unpackImage(file.slice(), codecs)
        assert.deepEqual([whole.width, whole.height], [small.width, small.height])
      },
    ),
    { numRuns: 60 },
  )
})

test('a WebP is read as well; one that does not unpack is refused, and wiped like any other', async () => {
  const file = new Uint8Array(await encodeWebp(upright(page), { lossless: 1 }))
  const damaged = file.slice().fill(0, 60, 400)
  assert.match((await recognise(file, parts)).text, /^Enalapril 10 mg/)
  await assert.rejects(recognise(damaged, parts), { code: 'IMAGE_UNREADABLE' })
  assert.ok(damaged.every((byte) => byte === 0))
})

function upright({ width, height, pixels }: Drawing) {
  const data = new Uint8ClampedArray(width * height * 4)
  for (const [index, grey] of pixels.entries()) data.set([grey, grey, grey, 255], index * 4)
  return { data, width, height, colorSpace: 'srgb' as const, pixelFormat: 'rgba-unorm8' as const }
}
