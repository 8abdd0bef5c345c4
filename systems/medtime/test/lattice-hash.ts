import { blake3 } from '@noble/hashes/blake3.js'
import { joinFields } from '../client/associated-data.ts'
import type { Element } from '../client/commitment/set-commitment.ts'

/** LtHash with 1,024 numbers of 16 bits (Lewi et al. 2019) over BLAKE3: what a commitment costs whose hash has no key. For comparison. */
export function addToLattice(sum: Uint16Array, { id, type, version, deleted, checksum }: Element): void {
  const name = joinFields(id, type, String(version), deleted ? 'deleted' : 'present', checksum)
  const digest = blake3(name, { dkLen: 2_048 })
  const lanes = new Uint16Array(digest.buffer, digest.byteOffset, 1_024)
  for (let lane = 0; lane < 1_024; lane++) sum[lane] = (sum[lane] ?? 0) + (lanes[lane] ?? 0)
}
