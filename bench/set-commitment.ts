import { randomBytes, randomUUID } from 'node:crypto'
import { cpus } from 'node:os'
import { createSetHash, type Element, emptySet } from '../systems/medtime/client/commitment/set-commitment.ts'
import { addToLattice } from '../systems/medtime/test/lattice-hash.ts'

/*
 * What a commitment to a set of versions costs a device: the keyed sum that the client has, beside LtHash (16 bits by 1,024, Lewi et
 * al. 2019) over the same hash function. Run: node bench/set-commitment.ts [versions, 50000 unless told]
 */

const versions = Number(process.argv[2] ?? 50_000)
const elements: Element[] = Array.from({ length: versions }, () => ({
  id: randomUUID(),
  type: 'dose',
  version: 1,
  deleted: false,
  checksum: randomBytes(32).toString('hex'),
}))

function keyedSum(): void {
  const replace = createSetHash(randomBytes(32))
  let set = emptySet
  for (const element of elements) set = replace(set, undefined, element)
}

function latticeHash(): void {
  const sum = new Uint16Array(1_024)
  for (const element of elements) addToLattice(sum, element)
}

console.log(`Node ${process.version}, ${cpus()[0]?.model ?? 'unknown'}, ${versions} versions, best of 3`)
for (const [name, run, bytes] of [
  ['keyed sum', keyedSum, 32],
  ['LtHash', latticeHash, 2_048],
] as const) {
  const times = Array.from({ length: 3 }, () => {
    const started = performance.now()
    run()
    return performance.now() - started
  })
  const best = Math.min(...times)
  console.log(
    `${name.padEnd(9)}  ${best.toFixed(0).padStart(5)} ms  ${((best * 1_000) / versions).toFixed(1).padStart(5)} us each  ${bytes} bytes`,
  )
}
