import { createHash, createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { type CryptoKey, importPKCS8, importSPKI } from 'jose'

export interface SigningKeys {
  privateKey: CryptoKey
  publicKey: CryptoKey
  /** Fingerprint of the public key. */
  id: string
}

/** Makes an RSA key, or reads the one of a file; a file that is not there yet is made, readable by its owner only. */
export async function signingKeys(file: string | undefined): Promise<SigningKeys> {
  const pem = file === undefined ? await makeKey() : await readOrMake(file)
  const publicPem = createPublicKey(createPrivateKey(pem)).export({ type: 'spki', format: 'pem' }).toString()
  return {
    privateKey: await importPKCS8(pem, 'RS256'),
    publicKey: await importSPKI(publicPem, 'RS256'),
    id: createHash('sha256').update(publicPem).digest('hex').slice(0, 16),
  }
}

async function makeKey(): Promise<string> {
  const { privateKey }: { privateKey: KeyObject } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

async function readOrMake(file: string): Promise<string> {
  const found = await readFile(file, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  })
  if (found !== undefined) return found
  const pem = await makeKey()
  // Exclusive: of two that start at once one makes the key and the other reads it.
  await writeFile(file, pem, { mode: 0o600, flag: 'wx' }).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  })
  return readFile(file, 'utf8')
}
