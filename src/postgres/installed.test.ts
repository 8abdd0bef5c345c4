import assert from 'node:assert/strict'
import { chmod, cp, mkdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { systemClock } from '../clock.ts'
import { AvalError } from '../errors.ts'
import { runOrFail } from '../process.ts'
import { serverAccount } from './account.ts'
import { findBinaries } from './binaries.ts'
import { withClient } from './connection.ts'
import { prepareDatabase } from './database.ts'
import { embeddedDirectory } from './embedded.ts'
import { externalServer } from './external.ts'
import { startServer } from './launch.ts'
import { reachable, removeReachable, type TemporaryPlace, temporaryPlace } from './place.ts'

describe('a Postgres of the machine', () => {
  test('does what the embedded one does', async (t) => {
    const binaries = await findBinaries('installed').catch(() => undefined)
    if (binaries === undefined) return t.skip('no Postgres 15 or newer is installed on this machine')
    const place = await temporaryPlace('aval-test')
    try {
      const server = await startServer({ dataDirectory: join(place.path, 'data'), binaries, clock: systemClock })
      try {
        assert.equal(server.major, binaries.major)
        const options = {
          name: 'shop',
          owner: 'shop_owner',
          roles: ['shop_api'],
          extensions: [],
          secret: new Uint8Array(32),
        }
        const { ownerUrl, roleUrl } = await prepareDatabase(server, options)
        await withClient(ownerUrl, (client) => client.query('CREATE TABLE goods (); GRANT SELECT ON goods TO shop_api'))
        await withClient(roleUrl('shop_api'), (client) => client.query('SELECT * FROM goods'))
        await server.kill()
      } finally {
        await server.stop()
      }
    } finally {
      await place.remove()
    }
  })

  test('of a version nobody has is asked for in vain, and the error names what there is', async () => {
    for (const choice of ['embedded', 'installed'] as const) {
      await assert.rejects(findBinaries(choice, { major: 9 }), (error) => {
        assert.ok(error instanceof AvalError)
        assert.equal(error.code, 'POSTGRES_NOT_FOUND')
        assert.match(error.message, /Postgres 9 /)
        return true
      })
    }
  })
})

describe('a server somebody else runs', () => {
  test('is told by its URL, whose parameters stay', async () => {
    const place = await temporaryPlace('aval-test')
    const binaries = await findBinaries('embedded')
    const owned = await startServer({ dataDirectory: join(place.path, 'data'), binaries, clock: systemClock })
    try {
      const server = await externalServer(`${owned.url()}?application_name=mine`)
      assert.deepEqual([server.major, server.version], [owned.major, owned.version])
      const url = new URL(server.url({ user: 'a@b', password: 'p/w', database: 'shop' }))
      assert.deepEqual(
        [url.username, url.password, url.pathname, url.search],
        ['a%40b', 'p%2Fw', '/shop', '?application_name=mine'],
      )
    } finally {
      await owned.stop('immediate')
      await place.remove()
    }
  })

  test('that is not there is named without its password', async () => {
    await assert.rejects(externalServer('postgresql://u:hidden@127.0.0.1:1/x'), (error) => {
      assert.ok(error instanceof AvalError)
      assert.equal(error.code, 'POSTGRES_UNREACHABLE')
      assert.match(error.message, /127\.0\.0\.1:1\/x/)
      assert.doesNotMatch(error.message + error.next, /hidden/)
      return true
    })
  })
})

/** A folder nobody but root may enter, as /root is. */
async function closedFolder(place: TemporaryPlace): Promise<string> {
  const closed = join(place.path, 'closed')
  await mkdir(closed, { mode: 0o700 })
  return closed
}

describe('a clone the server account may not enter', () => {
  test('is refused for data, and has a place elsewhere that is always the same', async (t) => {
    const account = serverAccount()
    if (account === undefined) return t.skip('only a root Aval runs servers under another account')
    const place = await temporaryPlace('aval-test')
    try {
      const closed = await closedFolder(place)
      const dataDirectory = join(closed, 'below', 'data')
      const binaries = await findBinaries('embedded')
      await assert.rejects(startServer({ dataDirectory, binaries, clock: systemClock }), (error) => {
        assert.ok(error instanceof AvalError)
        assert.equal(error.code, 'POSTGRES_PLACE_UNREACHABLE')
        assert.ok(error.message.includes(`may not enter ${closed} `))
        return true
      })
      const elsewhere = await reachable(dataDirectory)
      assert.match(elsewhere, /^\/var\/lib\/aval\/[0-9a-f]{16}\/data$/)
      assert.equal(await reachable(dataDirectory), elsewhere)
      await mkdir(elsewhere)
      const other = join(dirname(elsewhere), 'other')
      await mkdir(other)
      await removeReachable(elsewhere)
      assert.ok((await stat(other)).isDirectory(), 'what else is in the place is kept')
      await removeReachable(other)
      await assert.rejects(stat(dirname(elsewhere)), { code: 'ENOENT' })
      await chmod(closed, 0o711)
      assert.equal(await reachable(dataDirectory), dataDirectory)
      assert.ok((await stat(join(closed, 'below'))).isDirectory())
    } finally {
      await place.remove()
    }
  })

  test('lends its embedded Postgres in a copy with the libraries linked, though all was installed for root alone', async (t) => {
    const account = serverAccount()
    if (account === undefined) return t.skip('only a root Aval runs servers under another account')
    const place = await temporaryPlace('aval-test')
    try {
      const closed = await closedFolder(place)
      const installed = dirname(dirname((await findBinaries('embedded')).directory))
      const origin = join(closed, 'linux-x64')
      await cp(installed, origin, {
        recursive: true,
        filter: (path) =>
          !/\.(a|so\.\d+)$/.test(path) || /libcrypto|libssl|libz|libxml2|liblzma|libxslt|uuid/.test(path),
      })
      await chmod(join(origin, 'native', 'bin'), 0o700)
      const directory = await embeddedDirectory({ origin, copies: join(place.path, 'copies') })
      assert.ok(directory)
      assert.ok(directory.startsWith(join(place.path, 'copies')))
      assert.equal(await embeddedDirectory({ origin, copies: join(place.path, 'copies') }), directory)
      const { stdout } = await runOrFail({
        program: join(directory, 'postgres'),
        args: ['--version'],
        cwd: '/',
        account,
      })
      assert.match(stdout, /PostgreSQL/)
    } finally {
      await place.remove()
    }
  })
})
