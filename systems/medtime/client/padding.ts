/**
 * PADMÉ (Nikitin et al., PETS 2019): the length rounded up so that only the upper bits of its floating point form remain. A
 * length leaks O(log log L) bits and grows by 12 % at most.
 */
export function padmeLength(length: number): number {
  if (length < 2) return length
  const exponent = Math.floor(Math.log2(length))
  const mantissaBits = Math.floor(Math.log2(exponent)) + 1
  const dropped = 2 ** Math.max(0, exponent - mantissaBits)
  return Math.ceil(length / dropped) * dropped
}
