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
