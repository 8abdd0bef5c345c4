import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { type S3Server, startS3Server } from '../../test/s3-server/start-server.ts'
import { layout } from '../recovery/repository/layout.ts'
import { once } from '../recovery/repository/repository.ts'
import { openDevelopmentRepository } from '../run/archive.ts'
import { type TinyProject, tinyProject } from '../run/tiny-system.fixture.ts'
import { commandLine } from './command-line.fixture.ts'

suite('a second store from the command line', { timeout: 60_000 }, () => {
  let tiny: TinyProject
  let server: S3Server
  before(async () => {
    server = await startS3Server()
    tiny = await tinyProject(
      {},
      {
        recovery: {
          backups: { nightly: { schedule: '0 3 * * *', keep: '30d', copyTo: 'away' } },
          stores: {
            primary: { kind: 'directory' },
            away: {
              kind: 's3',
              location: 'TINY_AWAY_URL',
              credentials: { accessKeyId: 'TINY_AWAY_ID', secretAccessKey: 'TINY_AWAY_SECRET' },
            },
          },
        },
      },
    )
    process.env['TINY_AWAY_URL'] = server.location('tiny')
    process.env['TINY_AWAY_ID'] = server.accessKeyId
    process.env['TINY_AWAY_SECRET'] = server.secretAccessKey
  })
  after(async () => {
    for (const name of ['TINY_AWAY_URL', 'TINY_AWAY_ID', 'TINY_AWAY_SECRET']) delete process.env[name]
    await server.close()
    await tiny.remove()
  })
  const aval = (...argv: string[]) => commandLine(tiny.directory, ...argv)

  test('says what each store can do, and what follows', async () => {
    const { out, code } = await aval('backup', 'stores', 'tiny')
    assert.equal(code, 0)
    assert.match(out, /^primary, .*\n {2}Two writers of one object: the second is refused\./)
    assert.match(
      out,
      /\naway, s3:\/\/aval-test\/tiny\/ at http:.*\n.*\n {2}Checksums: bytes changed on the way are refused\./,
    )
    const [, away] = JSON.parse((await aval('backup', 'stores', 'tiny', '--json')).out)
    assert.equal(away.found.conditionalWrites, 'enforced')
  })

  test('without a repository there is nothing to copy, and nothing is made', async () => {
    const { code, err } = await aval('backup', 'copy', 'tiny', '--to', 'away')
    assert.equal(code, 1)
    assert.match(err, /REPOSITORY_ABSENT|KEY_MISSING/)
    assert.deepEqual(server.held.keys(), [])
  })

  test('copies what is missing, says how far it is and what comes next, and is verified on its own', async () => {
    const repository = await openDevelopmentRepository(tiny.project, 'tiny')
    const text = Buffer.from(JSON.stringify({ systemIdentifier: '7', walSegmentBytes: 2 ** 24 }))
    await repository.put(layout.server, once(text))
    const first = await aval('backup', 'copy', 'tiny', '--to', 'away')
    assert.deepEqual([first.err, first.code], ['', 0])
    assert.match(first.out, /away \(s3:.*\) holds everything that primary held at 20/)
    assert.match(first.out, /Copied 2 objects.*0 were there already\.\n {2}It holds [23] objects in all, primary \d+/)
    assert.match(first.out, /Next: aval backup verify tiny --store away/)
    const [again] = JSON.parse((await aval('backup', 'copy', 'tiny', '--to', 'away', '--json')).out)
    assert.deepEqual([again.objects, again.present, again.held.copy], [0, 2, 2])
    // What a receiver left before its segment was whole stays in a copy.
    server.held.put('tiny/partial/00000001/000000010000000000000001', Buffer.from('part'), {})
    const more = await aval('backup', 'copy', 'tiny', '--to', 'away')
    assert.match(more.out, /It holds 3 objects in all, primary 2: nothing is ever removed from a copy, such as parts/)
    server.held.remove('tiny/partial/00000001/000000010000000000000001', undefined)
    const verified = await aval('backup', 'verify', 'tiny', '--store', 'away')
    assert.match(verified.out, /tiny: sound; 2 objects/)
    const listed = await aval('backup', 'list', 'tiny', '--repository', server.location('tiny'))
    assert.match(listed.err, /STORE_CREDENTIALS_MISSING|AWS_ACCESS_KEY_ID/)
  })

  test('one byte changed in the copy is found in the copy', async () => {
    const key = 'tiny/server'
    const bytes = Buffer.from(server.held.current(key)?.body ?? [])
    bytes[bytes.length - 20] = (bytes.at(-20) ?? 0) ^ 1
    const headers = server.held.current(key)?.headers ?? {}
    server.held.put(key, bytes, headers)
    const { code, out } = await aval('backup', 'verify', 'tiny', '--store', 'away')
    assert.equal(code, 1)
    assert.match(out, /damaged {2}server/)
    assert.equal((await aval('backup', 'verify', 'tiny')).code, 0)
  })

  test('refuses stores the plan does not name, and renders only buckets', async () => {
    const { code, err } = await aval('backup', 'copy', 'tiny', '--to', 'nowhere')
    assert.equal(code, 2)
    assert.match(err, /STORE_UNKNOWN.*"nowhere"(.|\n)*primary, away/)
    const rendered = await aval('render', 'tiny', 's3-lifecycle')
    assert.equal(rendered.code, 0)
    assert.equal(JSON.parse(rendered.out).Rules[0].Filter.Prefix, 'tiny/')
    assert.equal((await aval('render', 'tiny', 's3-lifecycle', '--store', 'primary')).code, 2)
    assert.equal((await aval('render', 'tiny', 'teapot')).code, 2)
  })
})
