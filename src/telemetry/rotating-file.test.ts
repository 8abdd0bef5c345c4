import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openRotatingFile } from './rotating-file.ts'

const day = 86_400_000
const start = Date.UTC(2026, 0, 1)

async function place(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rotating-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}
const lineAt = (time: number) => `{"level":"info","time":${time}}\n`

test('a file is put aside when its first line is as old as told, and deleted when its last line is', async (t) => {
  const folder = await place(t)
  let time = start
  const file = openRotatingFile({ path: join(folder, 'log'), rotateAfterMs: day, keepMs: 2 * day, now: () => time })
  for (let hour = 0; hour < 24 * 6; hour += 6) {
    time = start + hour * 3_600_000
    file.write(lineAt(time))
    for (const name of await readdir(folder)) {
      const lines = (await readFile(join(folder, name), 'utf8')).trim().split('\n')
      const newest = Number(/"time":(\d+)/.exec(lines.at(-1) ?? '')?.[1])
      assert.ok(time - newest <= 2 * day + day, `${name} at hour ${hour}`)
    }
  }
  file.close()
  assert.deepEqual((await readdir(folder)).sort(), [
    'log',
    'log.2026-01-05T00-00-00.000Z',
    'log.2026-01-06T00-00-00.000Z',
  ])
})

test('a service that starts again goes on with the file, and its age counts from its first line', async (t) => {
  const folder = await place(t)
  const path = join(folder, 'log')
  const open = (now: number) => openRotatingFile({ path, rotateAfterMs: day, keepMs: undefined, now: () => now })
  const first = open(start)
  first.write(lineAt(start))
  first.close()
  const second = open(start + day / 2)
  second.write(lineAt(start + day / 2))
  second.close()
  assert.equal((await readFile(path, 'utf8')).trim().split('\n').length, 2)
  const third = open(start + day)
  third.write(lineAt(start + day))
  third.close()
  assert.equal((await readFile(path, 'utf8')).trim().split('\n').length, 1)
  assert.equal((await readdir(folder)).length, 2)
})

test('files of others are left alone', async (t) => {
  const folder = await place(t)
  const { writeFile } = await import('node:fs/promises')
  await writeFile(join(folder, 'log.notes'), 'kept')
  await writeFile(join(folder, 'other.2020-01-01T00-00-00.000Z'), 'kept')
  openRotatingFile({ path: join(folder, 'log'), rotateAfterMs: day, keepMs: day, now: () => start }).close()
  assert.deepEqual((await readdir(folder)).sort(), ['log', 'log.notes', 'other.2020-01-01T00-00-00.000Z'])
})
