/** Keys of the objects of dumps, beside those of `layout.ts`. */
export const dumpLayout = {
  dumps: 'logical/',
  /** What the dump is; written last. */
  dump: (id: string) => `logical/${id}/dump`,
  manifest: (id: string) => `logical/${id}/manifest`,
  pack: (id: string, number: number) => `logical/${id}/pack-${String(number).padStart(5, '0')}`,
  of: (id: string) => `logical/${id}/`,
  /** A fingerprint of `dump`, so that its removal is noticed. */
  listed: (id: string) => `logical-catalog/${id}`,
  catalog: 'logical-catalog/',
} as const

export type DumpKey = { kind: 'dump' | 'dump-manifest' | 'dump-pack' | 'dump-listed'; id: string }

/** What a key of a dump stands for; undefined for any other. */
export function parseDumpKey(key: string): DumpKey | undefined {
  const [first, id = '', last = '', ...more] = key.split('/')
  if (more.length > 0 || !/^\d{8}T\d{6}Z-[0-9a-f]{8}$/.test(id)) return undefined
  if (first === 'logical-catalog') return last === '' ? { kind: 'dump-listed', id } : undefined
  if (first !== 'logical') return undefined
  if (last === 'dump') return { kind: 'dump', id }
  if (last === 'manifest') return { kind: 'dump-manifest', id }
  return /^pack-\d{5,}$/.test(last) ? { kind: 'dump-pack', id } : undefined
}
