/*
 * Prescriptions photographed at 4 megapixels, read by the service through the SDK, two at once: sealed, sent, unpacked, read, parsed
 * and sealed again, each in a process of its own. The pictures are drawn (a lamp to one side, paper that is not flat, noise of a
 * sensor, JPEG), none is a photo.
 *
 *   node bench/ocr.ts [--requests 60] [--at-once 2] [--seed 1] [--keep folder]
 */
import { randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import encodeJpeg, { init } from '@jsquash/jpeg/encode.js'
import { z } from 'zod'
import { percentile } from '../src/prove/percentile.ts'
import { seededRandom } from '../src/random.ts'
import { drawText } from '../systems/medtime/services/api/ocr/drawn-text.ts'
import { startOcrStage } from '../systems/medtime/test/ocr-stage.ts'

const promisedMs = 5_000

const options = z
  .object({
    requests: z.coerce.number().int().positive(),
    'at-once': z.coerce.number().int().positive(),
    seed: z.coerce.number().int(),
    keep: z.string().optional(),
  })
  .parse(
    parseArgs({
      options: {
        requests: { type: 'string', default: '60' },
        'at-once': { type: 'string', default: '2' },
        seed: { type: 'string', default: '1' },
        keep: { type: 'string' },
      },
    }).values,
  )

const prescription = [
  'Clinica familiar',
  'Dra: Medicina general',
  'Fecha: 12-10-2025',
  '',
  '1. Paracetamol 500 mg tabletas',
  'tomar 1 tableta cada 8 horas por 5 dias',
  'si dolor',
  '',
  '2. Amoxicilina 500 mg capsulas',
  'tomar 1 capsula cada 12 horas por 7 dias',
  '',
  '3. Omeprazol 20 mg capsulas',
  'tomar 1 capsula en ayunas por 30 dias',
  '',
  'Firma',
]
const expected = ['Paracetamol', 'Amoxicilina', 'Omeprazol']
const width = 2_448
const height = 1_640

/** A picture of the page: lit from one side, waved, and with noise. */
async function photograph(seed: number): Promise<Uint8Array> {
  const random = seededRandom(seed)
  const page = drawText(prescription, 72)
  const data = new Uint8ClampedArray(width * height * 4)
  const [left, top, waves, lamp] = [150 + random.int(200), 100 + random.int(100), 2 + random.int(4), random.int(width)]
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const bent = Math.round(waves * Math.sin((x / width) * 3) + (x - width / 2) * 0.004)
      const [column, row] = [x - left, y - top + bent]
      const inside = column >= 0 && row >= 0 && column < page.width && row < page.height
      const ink = inside ? (page.pixels[row * page.width + column] ?? 255) : 255
      const light = 0.95 - 0.35 * Math.abs((x - lamp) / width) - 0.1 * (y / height)
      const grey = (40 + ink * 0.78) * light + (random.int(24) - 12)
      const at = (y * width + x) * 4
      data[at] = grey + 8
      data[at + 1] = grey + 3
      data[at + 2] = grey - 10
      data[at + 3] = 255
    }
  }
  const image = { data, width, height, colorSpace: 'srgb' as const, pixelFormat: 'rgba-unorm8' as const }
  return new Uint8Array(await encodeJpeg(image, { quality: 85 }))
}

const require = createRequire(import.meta.url)
const wasm = new WebAssembly.Module(readFileSync(require.resolve('@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm')))
await init(wasm)
const pictures = await Promise.all(Array.from({ length: 4 }, (_, index) => photograph(options.seed * 100 + index)))
if (options.keep !== undefined) {
  for (const [index, picture] of pictures.entries()) writeFileSync(join(options.keep, `page-${index}.jpg`), picture)
}

const [load = 0] = loadavg()
const stage = await startOcrStage()
try {
  const service = await stage.serve()
  const client = service.client(randomUUID())
  await client.read(pictures[0] ?? new Uint8Array())
  const took: number[] = []
  let whole = 0
  const turns = Array.from({ length: options.requests }, (_, index) => index).values()
  const started = performance.now()
  await Promise.all(
    Array.from({ length: options['at-once'] }, async () => {
      for (const index of turns) {
        const begin = performance.now()
        const { medicines } = await client.read(pictures[index % pictures.length] ?? new Uint8Array())
        took.push(performance.now() - begin)
        if (expected.every((name, at) => medicines[at]?.drug.text === name && medicines[at]?.dose !== null)) whole++
      }
    }),
  )
  const seconds = (performance.now() - started) / 1_000
  const at = (percent: number) => `${(percentile(took, percent) / 1_000).toFixed(2)} s`
  process.stdout.write(
    [
      `${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), Node ${process.version}, seed ${options.seed}, load before ${load.toFixed(1)}`,
      `${took.length} pictures of ${width} x ${height}, ${Math.round((pictures[0]?.length ?? 0) / 1_024)} KB, ${options['at-once']} at once`,
      `P50 ${at(50)}  P95 ${at(95)}  P99 ${at(99)}  longest ${(Math.max(...took) / 1_000).toFixed(2)} s  ${(took.length / seconds).toFixed(2)} a second`,
      `all three medicines with their doses: ${whole} of ${took.length}`,
      `promised: P99 under ${promisedMs / 1_000} s: ${percentile(took, 99) < promisedMs ? 'kept' : 'NOT KEPT'}`,
      '',
    ].join('\n'),
  )
  process.exitCode = percentile(took, 99) < promisedMs ? 0 : 1
} finally {
  await stage.stop()
}
