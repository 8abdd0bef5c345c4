import assert from 'node:assert/strict'
import { access, chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises'
import { after, before, suite, test } from 'node:test'
import { systemClock } from '../../clock.ts'
import { serverAccount } from '../../postgres/account.ts'
import { findBinaries } from '../../postgres/binaries.ts'
import { withClient } from '../../postgres/connection.ts'
import type { OwnedServer } from '../../postgres/server.ts'
import { runOrFail } from '../../process.ts'
import { createBackup } from '../backup/base-backup.ts'
import { makePlace, type Place } from '../cluster.fixture.ts'
import { connectReplication } from './replication.ts'

// The embedded server's TLS library is old; what speaks TLS over a network is a server of the system.
const installed = await findBinaries('installed').then(
  () => true,
  () => false,
)
const openssl = await access('/usr/bin/openssl').then(
  () => true,
  () => false,
)
const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
const skip = installed && openssl ? false : 'an installed Postgres and openssl are needed'

suite('TLS', { skip, timeout: 120_000 }, () => {
  let place: Place
  let server: OwnedServer
  const file = (name: string) => place.path('tls', name)

  before(async () => {
    place = await makePlace('installed')
    await mkdir(place.path('tls'), { mode: 0o755 })
    for (const authority of ['ca', 'other']) {
      const subject = [
        '-subj',
        `/CN=${authority}`,
        '-keyout',
        file(`${authority}.key`),
        '-out',
        file(`${authority}.crt`),
      ]
      await ssl('req', '-x509', ...key, '-nodes', '-days', '2', ...subject)
    }
    await certificate('localhost', 'DNS:localhost')
    await certificate('client', 'DNS:client', 'aval_backup')
    const account = serverAccount()
    if (account)
      for (const name of ['localhost.crt', 'localhost.key']) await chown(file(name), account.uid, account.gid)
    server = await place.server('data', {
      ssl: 'on',
      ssl_cert_file: file('localhost.crt'),
      ssl_key_file: file('localhost.key'),
      ssl_ca_file: file('ca.crt'),
    })
    await withClient(server.url(), async (client) => {
      await client.query("CREATE ROLE aval_backup SUPERUSER REPLICATION LOGIN PASSWORD 'secret'")
      await client.query("CREATE ROLE certified SUPERUSER REPLICATION LOGIN PASSWORD 'secret'")
    })
    const rules = place.path('data', 'pg_hba.conf')
    const before = await readFile(rules, 'utf8')
    const only = ['all', 'replication'].flatMap((database) => [
      `hostssl ${database} certified 127.0.0.1/32 scram-sha-256 clientcert=verify-ca`,
      `hostssl ${database} aval_backup 127.0.0.1/32 scram-sha-256`,
      `host ${database} aval_backup,certified 127.0.0.1/32 reject`,
    ])
    await writeFile(rules, `${only.join('\n')}\n${before}`)
    await withClient(server.url(), (client) => client.query('SELECT pg_reload_conf()'))
  })
  after(() => place?.remove())

  const ssl = (...args: string[]) => runOrFail({ program: 'openssl', args })
  const certificate = async (name: string, alternative: string, common = name) => {
    const request = [
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      `/CN=${common}`,
      '-addext',
      `subjectAltName=${alternative}`,
    ]
    const signed = ['-CA', file('ca.crt'), '-CAkey', file('ca.key'), '-days', '2']
    await ssl('req', '-x509', ...request, ...signed, '-keyout', file(`${name}.key`), '-out', file(`${name}.crt`))
    await chmod(file(`${name}.key`), 0o600)
  }
  const url = (parameters: Record<string, string>, { host = 'localhost', user = 'aval_backup' } = {}) => {
    const made = new URL(server.url({ user, password: 'secret' }))
    made.hostname = host
    for (const [name, value] of Object.entries(parameters)) made.searchParams.set(name, value)
    return made.href
  }
  const full = () => ({ sslmode: 'verify-full', sslrootcert: file('ca.crt') })
  const encrypted = (at: string) =>
    withClient(at, async (client) => {
      const { rows } = await client.query('SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()')
      return rows[0]
    })
  const both = async (at: string, expected: RegExp) => {
    const wanted = { code: 'POSTGRES_TLS', message: expected }
    await assert.rejects(
      withClient(at, async () => undefined),
      wanted,
    )
    await assert.rejects(connectReplication(at, 'test'), wanted)
  }

  test('a backup and the WAL behind it go through a connection that is checked in full', async () => {
    const at = url(full())
    assert.deepEqual(await encrypted(at), { ssl: true, version: 'TLSv1.3' })
    const receiver = await place.receiver(server, { url: at })
    const backup = await createBackup({ url: at, repository: place.repository, clock: systemClock, receiver })
    assert.ok(backup.files > 100)
    await receiver.waitUntilStored((await receiver.heartbeat()).lsn, 10_000)
    const rows = await withClient(server.url(), async (client) => {
      return (await client.query('SELECT ssl FROM pg_stat_ssl JOIN pg_stat_replication USING (pid)')).rows
    })
    assert.deepEqual(rows, [{ ssl: true }])
    await receiver.stop()
  })

  test('a certificate for another host is refused, and taken where the host was not asked about', async () => {
    await both(url(full(), { host: '127.0.0.1' }), /for another host/)
    const authority = url({ sslmode: 'verify-ca', sslrootcert: file('ca.crt') }, { host: '127.0.0.1' })
    assert.equal((await encrypted(authority))?.ssl, true)
  })

  test('an unknown authority is refused in every mode', async () => {
    await both(url({ sslmode: 'verify-full' }), /authority nobody here knows|signed by nobody/)
    await both(url({ sslmode: 'require' }), /authority nobody here knows|signed by nobody/)
    for (const sslmode of ['require', 'verify-ca', 'verify-full']) {
      await both(url({ sslmode, sslrootcert: file('other.crt') }), /authority|not signed/)
    }
  })

  test('no mode that may end in the clear, and no file that is not there', async () => {
    for (const sslmode of ['allow', 'prefer', 'no-verify']) await both(url({ sslmode }), /nobody checked/)
    await both(url({ sslmode: 'verify-ca' }), /needs sslrootcert/)
    await both(url({ ...full(), sslrootcert: '/nowhere/ca.crt' }), /cannot be read/)
    await both(url({ ...full(), sslcert: file('client.crt') }), /belong together/)
  })

  test('a server without TLS is refused where it was asked for', async () => {
    const plain = await place.server('plain')
    const at = new URL(plain.url())
    at.searchParams.set('sslmode', 'verify-full')
    await both(at.href, /offers no TLS/)
  })

  test('the proof of the password is bound to the certificate', async () => {
    const at = url({ ...full(), channel_binding: 'require' })
    assert.equal((await encrypted(at))?.ssl, true)
    await (await connectReplication(at, 'test')).close()
    const plain = new URL(server.url())
    plain.searchParams.set('channel_binding', 'require')
    await both(plain.href, /needs TLS/)
    // A server that takes anybody at their word binds nothing.
    const rules = place.path('data', 'pg_hba.conf')
    const before = await readFile(rules, 'utf8')
    await writeFile(rules, `hostssl all aval_backup 127.0.0.1/32 trust\n${before}`)
    const reload = () => withClient(server.url(), (client) => client.query('SELECT pg_reload_conf(), pg_sleep(0.2)'))
    await reload()
    try {
      await assert.rejects(
        withClient(at, async () => undefined),
        { code: 'POSTGRES_TLS', message: /channel_binding=require insists/ },
      )
    } finally {
      await writeFile(rules, before)
      await reload()
    }
  })

  test('a client certificate is shown where the server wants one', async () => {
    await assert.rejects(
      withClient(url(full(), { user: 'certified' }), async () => undefined),
      { code: 'POSTGRES_ACCESS_DENIED', message: /client certificate/ },
    )
    const shown = { ...full(), sslcert: file('client.crt'), sslkey: file('client.key') }
    assert.equal((await encrypted(url(shown, { user: 'certified' })))?.ssl, true)
    await (await connectReplication(url(shown, { user: 'certified' }), 'test')).close()
  })

  test('without TLS a server that insists on it lets nobody in, and nothing is downgraded', async () => {
    await assert.rejects(
      withClient(url({}), async () => undefined),
      { code: 'POSTGRES_ACCESS_DENIED' },
    )
  })
})
