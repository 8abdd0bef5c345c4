/** What became of the requests for one operation. */
export interface Tally {
  operation: string
  sent: number
  /** By status; 0 for those that were not answered. */
  statuses: Map<number, number>
}

/** Of them, how many were answered with success, were refused at the door (401, 429), and were refused further in. */
export interface Depth {
  succeeded: number
  atTheDoor: number
  refused: number
}

export function createTally(operation: string): Tally {
  return { operation, sent: 0, statuses: new Map() }
}

export function count(tally: Tally, status: number): void {
  tally.sent++
  tally.statuses.set(status, (tally.statuses.get(status) ?? 0) + 1)
}

export function depthOf(tallies: readonly Tally[]): Depth {
  const depth: Depth = { succeeded: 0, atTheDoor: 0, refused: 0 }
  for (const { statuses } of tallies) {
    for (const [status, times] of statuses) {
      if (status >= 200 && status < 400) depth.succeeded += times
      else if (status === 401 || status === 429) depth.atTheDoor += times
      else depth.refused += times
    }
  }
  return depth
}

/** Such as `312 requests: 41 answered 200, 260 answered 400, 11 answered 422`. */
export function describeTally({ sent, statuses }: Tally): string {
  const parts = [...statuses]
    .sort(([a], [b]) => a - b)
    .map(([status, times]) => `${times} answered ${status || 'nothing'}`)
  return `${sent} requests${parts.length === 0 ? '' : `: ${parts.join(', ')}`}`
}
