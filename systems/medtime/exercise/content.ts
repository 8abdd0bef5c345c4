import type { Json, Random } from 'aval'

/** What a client keeps before it is encrypted: made up, and about nobody. */
export interface Content {
  type: string
  data: { [key: string]: Json }
}

const names = ['Azulina', 'Brisol', 'Candefar', 'Dorimed', 'Estelina', 'Farolin', 'Girasol', 'Helidex'] as const
const units = ['mg', 'ml', 'drops', 'tablets'] as const
const feelings = ['well', 'tired', 'dizzy', 'better than yesterday'] as const

/** The day all synthetic times count from. */
const epochOfData = Date.UTC(2026, 0, 1)

const makers: readonly ((random: Random) => Content)[] = [
  (random) => ({
    type: 'medication',
    data: {
      name: random.pick(names),
      strength: random.int(500) + 1,
      unit: random.pick(units),
      note: noise(random, 60),
    },
  }),
  (random) => ({
    type: 'schedule',
    data: { times: [time(random), time(random)], days: random.int(127) + 1, startsOn: moment(random).slice(0, 10) },
  }),
  (random) => ({
    type: 'dose_log',
    data: { takenAt: moment(random), amount: random.int(4) + 1, skipped: random.next() < 0.1 },
  }),
  (random) => ({
    type: 'journal',
    data: { writtenAt: moment(random), felt: random.pick(feelings), text: noise(random, 300) },
  }),
]

/** One entity of a kind that people use, some tens to hundreds of bytes. */
export function syntheticContent(random: Random): Content {
  return random.pick(makers)(random)
}

/** A version 4 UUID from the generator of the run: the same seed gives the same entities. */
export function randomId(random: Random): string {
  const bytes = Buffer.from(random.bytes(16))
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

function time(random: Random): string {
  return `${String(random.int(24)).padStart(2, '0')}:${String(random.int(60)).padStart(2, '0')}`
}

function moment(random: Random): string {
  return new Date(epochOfData + random.int(365 * 86_400) * 1_000).toISOString()
}

/** Letters without meaning; what is encrypted does not compress, so neither should this. */
function noise(random: Random, length: number): string {
  return Buffer.from(random.bytes(Math.ceil((length * 3) / 4)))
    .toString('base64')
    .slice(0, length)
}
