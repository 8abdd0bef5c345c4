import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { processMark, runOrFail, startChild } from '../process.ts'
import { loadSystem } from '../project/load-system.ts'
import { developmentDirectory } from '../run/run-state.ts'
import { tinyProject } from '../run/tiny-system.fixture.ts'
import { runningVersion } from './running-version.ts'

test('a start from another commit is another version; a checkout alone, or the end of what runs, is none', async (t) => {
  const tiny = await tinyProject()
  t.after(() => tiny.remove())
  const { project } = tiny
  const git = async (...args: string[]) => {
    const who = ['-c', 'user.name=tiny', '-c', 'user.email=tiny@example.test']
    return (await runOrFail({ program: 'git', args: [...who, ...args], cwd: project.root })).stdout.trim()
  }
  const commit = async (message: string) => {
    await git('commit', '--quiet', '--allow-empty', '-m', message)
    return git('rev-parse', 'HEAD')
  }
  const start = async () => {
    const child = await startChild({ program: process.execPath, args: ['-e', 'setInterval(() => {}, 1000)'] })
    t.after(() => child.stop({ signal: 'SIGKILL' }))
    const directory = developmentDirectory(project, 'tiny')
    await mkdir(directory, { recursive: true })
    const state = { pid: processMark(child.pid), adminUrl: '', ownerUrl: '', database: 'none', addresses: {} }
    await writeFile(join(directory, 'run.json'), JSON.stringify(state))
    return child
  }
  const version = runningVersion({ project, system: await loadSystem(project, 'tiny') })

  await start()
  assert.equal(await runningVersion({ project, system: await loadSystem(project, 'tiny') })(), undefined)
  await git('init', '--quiet')
  const first = await commit('first')
  const running = await start()
  assert.equal(await version(), first)
  const second = await commit('second')
  assert.equal(await version(), first, 'what runs was started from the first')
  await running.stop({ signal: 'SIGKILL' })
  assert.equal(await version(), undefined)
  await start()
  assert.equal(await version(), second)
})
