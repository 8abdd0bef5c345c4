import { hex8, hex16, type Lsn, parseSegmentName, type Segment, segmentName } from '../wal/lsn.ts'

/** Keys of the objects of a repository; `repository.ts` lists them. */
export const layout = {
  server: 'server',
  head: 'head',
  backups: 'backups/',
  backup: (id: string) => `backups/${id}/backup`,
  manifest: (id: string) => `backups/${id}/manifest`,
  backupPrefix: (id: string) => `backups/${id}/`,
  /** Parts are counted from 0; the first has no number in its name. */
  archive: (id: string, part = 0) => `backups/${id}/base${part === 0 ? '' : `.${part + 1}`}.tar`,
  listed: (id: string) => `catalog/${id}`,
  wal: 'wal/',
  segment: (segment: Segment, segmentBytes: number) =>
    `wal/${hex8(segment.timeline)}/${segmentName(segment, segmentBytes)}`,
  partial: 'partial/',
  /** Bytes `from` up to `to` of a segment that is not full yet. */
  piece: (segment: Segment, segmentBytes: number, from: number, to: number) =>
    `partial/${hex8(segment.timeline)}/${segmentName(segment, segmentBytes)}/${hex8(from)}-${hex8(to)}`,
  pieces: (segment: Segment, segmentBytes: number) =>
    `partial/${hex8(segment.timeline)}/${segmentName(segment, segmentBytes)}/`,
  gaps: 'gaps/',
  /** WAL that the server had removed before it could be received. */
  gap: (timeline: number, from: Lsn, to: Lsn) => `gaps/${hex8(timeline)}/${hex16(from)}-${hex16(to)}`,
  /** A backup whose removal has begun: it is none any more, whatever of it is still there. */
  removed: (id: string) => `removed/${id}`,
  tombstones: 'removed/',
  /** From where on the WAL of each timeline is kept whole. */
  floor: 'floor',
  holds: 'holds/',
  hold: (id: string, stamp: string) => `holds/${id}/${stamp}`,
  /** What the last verification of a backup found. */
  checked: (id: string) => `checked/${id}`,
  checks: 'checked/',
  /** A restore at work. */
  reading: (stamp: string) => `reading/${stamp}`,
  readings: 'reading/',
  erasures: 'erasures/',
  erasure: (id: string, state: ErasureState) => `erasures/${id}/${state}`,
  leases: 'lease/',
  /** Who may write, in which generation. */
  lease: (generation: number) => `lease/${hex8(generation)}`,
  /** Written and removed again to find out what a store can do. */
  probe: (stamp: string) => `probe/${stamp}`,
  probes: 'probe/',
  histories: 'history/',
  history: (timeline: number) => `history/${hex8(timeline)}`,
} as const

/** What has become of an erasure: asked for, carried out, or given up before anything was changed. */
export type ErasureState = 'asked' | 'done' | 'withdrawn'

export type ParsedKey =
  | { kind: 'repository' | 'server' | 'head' | 'floor' }
  | { kind: 'backup' | 'manifest' | 'archive' | 'listed' | 'removed' | 'hold' | 'checked'; id: string }
  | { kind: 'reading' | 'lease' | 'probe' }
  | { kind: 'erasure'; id: string; state: ErasureState }
  | { kind: 'segment'; segment: Segment }
  | { kind: 'piece'; segment: Segment; from: number; to: number }
  | { kind: 'gap'; timeline: number; from: Lsn; to: Lsn }
  | { kind: 'history'; timeline: number }

/** What a key stands for; undefined for one that no repository has. */
export function parseKey(key: string, segmentBytes: number): ParsedKey | undefined {
  const parts = key.split('/')
  const [first, second = '', third = '', fourth = ''] = parts
  if (parts.length === 1 && (first === 'repository' || first === 'server' || first === 'head' || first === 'floor'))
    return { kind: first }
  if (first === 'backups' && parts.length === 3) {
    if (third === 'backup' || third === 'manifest') return { kind: third, id: second }
    return /^base(?:\.[1-9]\d*)?\.tar$/.test(third) ? { kind: 'archive', id: second } : undefined
  }
  if (first === 'catalog' && parts.length === 2) return { kind: 'listed', id: second }
  if ((first === 'removed' || first === 'checked') && parts.length === 2) return { kind: first, id: second }
  if (first === 'holds' && parts.length === 3) return { kind: 'hold', id: second }
  if (first === 'reading' && parts.length === 2) return { kind: 'reading' }
  if ((first === 'lease' || first === 'probe') && parts.length === 2) return { kind: first }
  if (first === 'erasures' && parts.length === 3 && (third === 'asked' || third === 'done' || third === 'withdrawn'))
    return { kind: 'erasure', id: second, state: third }
  if (first === 'history' && parts.length === 2 && /^[0-9A-F]{8}$/.test(second)) {
    return { kind: 'history', timeline: Number.parseInt(second, 16) }
  }
  const gap = /^([0-9A-F]{16})-([0-9A-F]{16})$/.exec(third)
  if (first === 'gaps' && parts.length === 3 && gap && /^[0-9A-F]{8}$/.test(second)) {
    const [from, to] = [BigInt(`0x${gap[1]}`), BigInt(`0x${gap[2]}`)]
    return { kind: 'gap', timeline: Number.parseInt(second, 16), from, to }
  }
  const segment = parseSegmentName(third, segmentBytes)
  if (!segment || hex8(segment.timeline) !== second) return undefined
  if (first === 'wal' && parts.length === 3) return { kind: 'segment', segment }
  const range = /^([0-9A-F]{8})-([0-9A-F]{8})$/.exec(fourth)
  if (first !== 'partial' || parts.length !== 4 || !range?.[1] || !range[2]) return undefined
  const [from, to] = [Number.parseInt(range[1], 16), Number.parseInt(range[2], 16)]
  return from < to && to <= segmentBytes ? { kind: 'piece', segment, from, to } : undefined
}
