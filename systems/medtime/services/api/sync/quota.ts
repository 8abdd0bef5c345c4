import type { Identity } from '../identity/token.ts'

const mebibyte = 1_048_576

/**
 * Most bytes of blobs and files a user of each tier may hold. A medicine or a dose with its padding is about a kilobyte: the
 * free tier keeps years of them, the others leave room for photographs of prescriptions as well.
 */
export const quotas: Readonly<Record<Identity['tier'], number>> = {
  free: 25 * mebibyte,
  pro: 250 * mebibyte,
  perfect: 2_048 * mebibyte,
}

export function quotaOf(tier: Identity['tier']): number {
  return quotas[tier]
}
