import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/*
 * The ledger's Ed25519 key. It lies outside the ledger: whoever can write the file of records but not read the key cannot
 * make a record that passes.
 */

export interface LedgerKey {
  private: KeyObject
  public: KeyObject
}

/** The private key, readable by its owner alone. */
export function privateKeyFile(directory: string): string {
  return join(directory, 'keys', 'ledger.key')
}

/** The public key, to be copied to wherever the ledger is verified. */
export function publicKeyFile(directory: string): string {
  return join(directory, 'keys', 'ledger.pub')
}

/**
 * Makes the key unless there is one. Of two processes that make it at once one wins and both use its key.
 * A missing public half is written again; a different one is left for `verifyLedger` to report.
 */
export function createKey(directory: string): void {
  mkdirSync(join(directory, 'keys'), { recursive: true, mode: 0o700 })
  const { privateKey } = generateKeyPairSync('ed25519')
  publish(privateKeyFile(directory), privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 0o600)
  const kept = createPrivateKey(readFileSync(privateKeyFile(directory)))
  publish(publicKeyFile(directory), createPublicKey(kept).export({ type: 'spki', format: 'pem' }).toString(), 0o644)
}

/** The private key and its public half; undefined when it is not there or is no Ed25519 key. */
export function readKey(directory: string): LedgerKey | undefined {
  try {
    const key = createPrivateKey(readFileSync(privateKeyFile(directory)))
    return key.asymmetricKeyType === 'ed25519' ? { private: key, public: createPublicKey(key) } : undefined
  } catch {
    return undefined
  }
}

/** The public key as it lies beside the private one; undefined when it is not there or is no Ed25519 key. */
export function readPublicKey(directory: string): KeyObject | undefined {
  try {
    const key = createPublicKey(readFileSync(publicKeyFile(directory)))
    return key.asymmetricKeyType === 'ed25519' ? key : undefined
  } catch {
    return undefined
  }
}

/** SHA-256 of the public key in DER, hex: short enough to be noted elsewhere. */
export function fingerprint(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex')
}

/** Writes a file whole, unless it exists: nobody ever reads half of it, and nobody's is replaced. */
function publish(file: string, text: string, mode: number): void {
  const draft = `${file}.${process.pid}.new`
  writeFileSync(draft, text, { mode })
  try {
    linkSync(draft, file)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  } finally {
    rmSync(draft, { force: true })
  }
}
