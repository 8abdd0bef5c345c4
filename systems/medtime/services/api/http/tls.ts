import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import type { Server as HttpServer } from 'node:http'
import { Server as TlsServer } from 'node:https'

/** A certificate with its chain, and its key, as PEM. */
export interface Certificate {
  cert: string
  key: string
}

export interface CertificateFiles {
  certFile: string
  keyFile: string
}

/**
 * A file that is just being written holds nothing at first. TLS would take that for a server without a certificate, and refuse everybody.
 * @throws when a file cannot be read, holds no certificate or no key, or the key is of another certificate
 */
export function readCertificate({ certFile, keyFile }: CertificateFiles): Certificate {
  const pair = { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') }
  if (!new X509Certificate(pair.cert).checkPrivateKey(createPrivateKey(pair.key)))
    throw new Error('the key is of another certificate')
  return pair
}

/** BACKEND-ARCH-001 §5.1: TLS 1.3 only. */
export function tlsOptions(certificate: Certificate) {
  return { ...certificate, minVersion: 'TLSv1.3' } as const
}

/**
 * Takes over a renewed certificate without a restart; connections that stand keep theirs. Two files are never written at one
 * moment: a pair that does not fit is passed over, and looked at again when the other file changes.
 * @param everyMs how often the files are looked at
 * @param onTaken told whether what changed could be taken over
 * @returns ends the watch
 */
export function followCertificate(
  server: HttpServer,
  files: CertificateFiles,
  everyMs: number,
  onTaken: (taken: boolean) => void,
): () => void {
  if (!(server instanceof TlsServer)) return () => undefined
  const take = () => {
    try {
      server.setSecureContext(tlsOptions(readCertificate(files)))
      onTaken(true)
    } catch {
      onTaken(false)
    }
  }
  const names = [files.certFile, files.keyFile]
  // Files are looked at by name: renewal tools put a link to the new one in place of the old.
  for (const name of names) watchFile(name, { interval: everyMs, persistent: false }, take)
  return () => {
    for (const name of names) unwatchFile(name, take)
  }
}
