import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { makeEscrowCopy } from '../../secrets/escrow.ts'
import { loadKeyRing, writeKeyFile } from '../../secrets/key-file.ts'
import { formatRing } from '../../secrets/key-ring.ts'
import { readUnlock } from '../../secrets/unlock.ts'

/** Where the key of the backups is kept for the day on which the machine and its key file are gone. */
export interface Custody {
  /** The escrow copy, sealed to the identity. */
  copy: string
  /** The file with the identity, which whoever recovers brings. */
  identity: string
}

/** Makes an escrow copy of a key as `aval key escrow` does, in a folder that no scenario loses. */
export async function placeInCustody(folder: string, keyFile: string): Promise<Custody> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const identity = await generateX25519Identity()
  const copy = await makeEscrowCopy(await loadKeyRing(keyFile), [await identityToRecipient(identity)])
  const custody = { copy: join(folder, 'key.age'), identity: join(folder, 'identity.txt') }
  await writeFile(custody.copy, copy, { mode: 0o600 })
  await writeFile(custody.identity, `${identity}\n`, { mode: 0o600 })
  return custody
}

/** Opens the escrow copy with the identity alone and puts the key into a file. @returns how many keys there were */
export async function takeFromCustody({ copy, identity }: Custody, keyFile: string): Promise<number> {
  const ring = await loadKeyRing(copy, await readUnlock({ identityFile: identity }))
  await mkdir(dirname(keyFile), { recursive: true, mode: 0o700 })
  await writeKeyFile(keyFile, formatRing(ring))
  return ring.length
}
