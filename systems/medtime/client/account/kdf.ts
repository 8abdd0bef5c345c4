import { z } from 'zod'
import type { WarningKind } from '../commitment/notice.ts'

/** How a password is stretched, in Argon2id. */
export const kdf = z.object({
  memory_kib: z.int(),
  iterations: z.int(),
  parallelism: z.int(),
})
export type Kdf = z.output<typeof kdf>

/** What new passwords are stretched with: the second choice of RFC 9106 §4, which every phone can afford. */
export const usualKdf: Kdf = { memory_kib: 65_536, iterations: 3, parallelism: 4 }

/** No more than a phone has; a server could stop an app with it. */
const mostMemoryKib = 1_048_576
const mostIterations = 16

/** The server asks for a stretching that this client does not do: less would let whoever runs the server guess the password. */
export class KdfRefused extends Error {
  /** What a person is told: `warningText` has the words. */
  readonly warning: WarningKind = 'kdf-changed'
  constructor() {
    super('the server asks to stretch the password less than this client does, or more than it can')
    this.name = 'KdfRefused'
  }
}

/** @throws KdfRefused below what new passwords are stretched with in any respect, or above what a phone can */
export function checkedKdf({ memory_kib, iterations, parallelism }: Kdf): Kdf {
  const tooLittle = memory_kib < usualKdf.memory_kib || iterations < usualKdf.iterations || parallelism < 1
  const tooMuch = memory_kib > mostMemoryKib || iterations > mostIterations || parallelism > 64
  if (tooLittle || tooMuch) throw new KdfRefused()
  return { memory_kib, iterations, parallelism }
}

/** As the OPAQUE library takes it. */
export function keyStretching({ memory_kib, iterations, parallelism }: Kdf) {
  return { 'argon2id-custom': { memory: memory_kib, iterations, parallelism } } as const
}
