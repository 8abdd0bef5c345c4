/** An exact number of something: numerator and denominator, whole and reduced, so that a third stays a third. */
export interface Quantity {
  numerator: number
  denominator: number
}

/** @param denominator above zero */
export function quantity(numerator: number, denominator = 1): Quantity {
  const divisor = commonDivisor(Math.abs(numerator), denominator)
  return { numerator: numerator / divisor, denominator: denominator / divisor }
}

/** The quantity a decimal notation with a point stands for, such as `0.125`: at most 9 digits, no sign. */
export function decimal(text: string): Quantity {
  const [whole = '0', fraction = ''] = text.split('.')
  return quantity(Number(`${whole}${fraction}`), 10 ** fraction.length)
}

export function sum(left: Quantity, right: Quantity): Quantity {
  return quantity(
    left.numerator * right.denominator + right.numerator * left.denominator,
    left.denominator * right.denominator,
  )
}

/** Below zero when the left one is smaller, zero when both are the same. */
export function compare(left: Quantity, right: Quantity): number {
  return left.numerator * right.denominator - right.numerator * left.denominator
}

function commonDivisor(left: number, right: number): number {
  return right === 0 ? Math.max(left, 1) : commonDivisor(right, left % right)
}
