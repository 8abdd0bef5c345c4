const windowMs = 60_000
/** Addresses remembered in one minute; of more, those that come later are left out. */
const remembered = 100_000

/** Most refusals of one address in the last minute that is over or the one that runs. The addresses never leave. */
export function worstAddress(now: () => number): { note(address: string): void; most(): number } {
  let minute = 0
  let present = new Map<string, number>()
  let past = 0
  const advance = () => {
    const current = Math.floor(now() / windowMs)
    if (current === minute) return
    past = current === minute + 1 ? largest(present) : 0
    present = new Map()
    minute = current
  }
  return {
    note: (address) => {
      advance()
      if (present.size < remembered || present.has(address)) present.set(address, (present.get(address) ?? 0) + 1)
    },
    most: () => {
      advance()
      return Math.max(past, largest(present))
    },
  }
}

function largest(counts: ReadonlyMap<string, number>): number {
  let most = 0
  for (const count of counts.values()) most = Math.max(most, count)
  return most
}
