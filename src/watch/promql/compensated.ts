/** A sum that also keeps what each addition rounds away (Kahan, as Neumaier improved it). */
export interface CompensatedSum {
  sum: number
  lost: number
}

export function add(to: CompensatedSum, value: number): void {
  const sum = to.sum + value
  to.lost += Math.abs(to.sum) >= Math.abs(value) ? to.sum - sum + value : value - sum + to.sum
  to.sum = sum
}

export function zero(): CompensatedSum {
  return { sum: 0, lost: 0 }
}

/** The sum with what was lost; an infinite one has lost nothing that counts. */
export function total({ sum, lost }: CompensatedSum): number {
  return Math.abs(sum) === Number.POSITIVE_INFINITY ? sum : sum + lost
}
