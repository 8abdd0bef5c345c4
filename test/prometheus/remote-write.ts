import type { Labels, SeriesSpan } from '../../src/watch/series.ts'

/*
 * Prometheus's remote-write protocol: a protobuf WriteRequest, framed as Snappy. Unlike the text formats it carries the marker of a
 * series that went stale, which is one certain NaN.
 */

const staleMarker = 0x7ff0_0000_0000_0002n
const spanMs = 1_200_000

/** Bodies in the order of time, so that no sample comes later than Prometheus accepts. */
export function* writeRequests(series: readonly SeriesSpan[]): Generator<Buffer> {
  const samples = series.map(samplesOf)
  const moments = samples.flatMap((of) => of.map(({ atMs }) => atMs))
  const last = moments.reduce((a, b) => Math.max(a, b), 0)
  for (let from = moments.reduce((a, b) => Math.min(a, b), last); from <= last; from += spanMs) {
    const parts = series.flatMap(({ labels }, index) => {
      const within = (samples[index] ?? []).filter(({ atMs }) => atMs >= from && atMs < from + spanMs)
      return within.length === 0 ? [] : [field(1, timeSeries(labels, within))]
    })
    if (parts.length > 0) yield snappy(Buffer.concat(parts))
  }
}

interface Written {
  atMs: number
  bits: bigint
}

function samplesOf({ timesMs, values, endedAtMs }: SeriesSpan): Written[] {
  const bits = new BigUint64Array(Float64Array.from(values).buffer)
  const samples = Array.from(timesMs, (atMs, index) => ({ atMs, bits: bits[index] ?? 0n }))
  const ends = Array.from(endedAtMs, (atMs) => ({ atMs, bits: staleMarker }))
  return [...samples, ...ends].sort((a, b) => a.atMs - b.atMs)
}

function timeSeries(labels: Labels, samples: readonly Written[]): Buffer {
  const names = Object.keys(labels).sort()
  return Buffer.concat([
    ...names.map((name) =>
      field(1, Buffer.concat([field(1, Buffer.from(name)), field(2, Buffer.from(labels[name] ?? ''))])),
    ),
    ...samples.map((sample) => field(2, sampleBytes(sample))),
  ])
}

function sampleBytes({ atMs, bits }: Written): Buffer {
  const value = Buffer.alloc(9)
  value[0] = (1 << 3) | 1
  value.writeBigUInt64LE(bits, 1)
  return Buffer.concat([value, Buffer.from([2 << 3]), varint(atMs)])
}

function field(number: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2]), varint(content.length), content])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = BigInt(value)
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  return Buffer.from([...bytes, Number(rest)])
}

/** Snappy's block format without compression: the length, then literals of at most 64 KiB. */
function snappy(content: Buffer): Buffer {
  const parts = [varint(content.length)]
  for (let from = 0; from < content.length; from += 65_536) {
    const literal = content.subarray(from, from + 65_536)
    const length = Buffer.alloc(3)
    length[0] = 61 << 2
    length.writeUInt16LE(literal.length - 1, 1)
    parts.push(length, literal)
  }
  return Buffer.concat(parts)
}
