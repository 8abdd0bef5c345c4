/** Objects that belong to one store alone: who writes it, what is tried on it, what reads it, what was removed and checked there. */
const ownPrefixes = ['lease/', 'probe/', 'reading/', 'removed/', 'checked/']

/**
 * When an object is copied. Nothing is copied before what it needs, so that a copy that was broken off anywhere is a sound repository
 * of an earlier moment: whose it is, then WAL with its histories, the parts of backups, what makes them count, what lists them, and
 * last how far the WAL goes. Undefined for what is not copied.
 */
export function copyRank(key: string): number | undefined {
  if (ownPrefixes.some((prefix) => key.startsWith(prefix))) return undefined
  if (key === 'repository') return 0
  if (key === 'server') return 1
  // Holds and erasures before any backup they are about.
  if (key === 'floor' || /^(?:history|gaps|holds|erasures)\//.test(key)) return 2
  if (/^(?:wal|partial)\//.test(key)) return 3
  if (/^backups\/[^/]+\/backup$/.test(key) || /^logical\/[^/]+\/dump$/.test(key)) return 5
  if (/^(?:catalog|logical-catalog)\//.test(key)) return 6
  if (key === 'head') return 7
  return 4
}

export const copyRanks = 8

/** What makes backups count is copied in the order of their keys, which is that of time: none before the one it is the difference to. */
export function isCopiedInOrder(rank: number): boolean {
  return rank === 5
}
