import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runOrFail } from '../../process.ts'

/** What a TLS listener shows. */
export interface Certificate {
  key: string
  cert: string
}

/** Certificates for 127.0.0.1 as listeners show them: a good one, one that ended years ago, and one of a stranger. */
export interface Certificates {
  good: Certificate
  expired: Certificate
  stranger: Certificate
  /** PEM of whom to trust: whoever signed the good and the expired one. */
  authorities: string
}

/** Makes them with OpenSSL, which alone lets a certificate end in the past. @throws when there is no openssl */
export async function makeCertificates(): Promise<Certificates> {
  const directory = await mkdtemp(join(tmpdir(), 'aval-certificates-'))
  const at = (name: string) => join(directory, name)
  try {
    const own = async (name: string): Promise<Certificate> => {
      await openssl('req', '-x509', ...newKey(at(`${name}.key`)), ...subject, '-days', '20', '-out', at(`${name}.crt`))
      return readPair(directory, name)
    }
    const good = await own('good')
    const stranger = await own('stranger')
    await openssl('req', ...newKey(at('expired.key')), ...subject, '-out', at('expired.csr'))
    await writeFile(at('index'), '')
    await writeFile(at('serial'), '01')
    await writeFile(at('ca.cnf'), settings(directory))
    const validity = ['-startdate', '20200101000000Z', '-enddate', '20200201000000Z', '-config', at('ca.cnf')]
    const files = ['-keyfile', at('expired.key'), '-in', at('expired.csr'), '-out', at('expired.crt')]
    await openssl('ca', '-batch', '-notext', '-selfsign', ...validity, ...files)
    const expired = await readPair(directory, 'expired')
    return { good, stranger, expired, authorities: `${good.cert}\n${expired.cert}` }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1']

function newKey(file: string): string[] {
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', file]
}

function settings(directory: string): string {
  const files = ['database', 'serial'].map((name) => `${name}=${join(directory, name === 'database' ? 'index' : name)}`)
  return [
    '[ca]',
    'default_ca=old',
    '[old]',
    ...files,
    `new_certs_dir=${directory}`,
    'default_md=sha256',
    'policy=any',
    'copy_extensions=copy',
    '[any]',
    'commonName=supplied',
    '',
  ].join('\n')
}

async function openssl(...args: string[]): Promise<void> {
  await runOrFail({ program: 'openssl', args })
}

async function readPair(directory: string, name: string): Promise<Certificate> {
  const read = (ending: string) => readFile(join(directory, `${name}.${ending}`), 'utf8')
  return { key: await read('key'), cert: await read('crt') }
}
