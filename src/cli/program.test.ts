import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { systemClock } from '../clock.ts'
import { type TinyProject, tinyProject } from '../run/tiny-system.fixture.ts'
import { commandLine } from './command-line.fixture.ts'
import { runProgram } from './program.ts'

suite('a command line', () => {
  let tiny: TinyProject
  before(async () => {
    tiny = await tinyProject()
  })
  after(() => tiny.remove())

  test('that is wrong says so with a code, and whose help says more', async () => {
    const cases = {
      'backup create --lable x':
        /^USAGE: unknown option '--lable'.*Did you mean --label.*\n.*`aval backup create --help`/,
      'guarantees --only zzz': /^USAGE: No promise begins with "zzz"/m,
      'guarantees --only recovery,zzz': /^USAGE: No promise begins with "zzz"/m,
      'prove tiny --only recovery,zzz': /^USAGE: No promise begins with "zzz"/m,
      'prove tiny --only recovery,': /^USAGE: .*several with commas between/m,
      'prov tiny': /^USAGE: unknown command 'prov'.*Did you mean prove.*\n.*`aval --help`/,
      soak: /^USAGE: Say which: kills, restores, devices, requests, properties\.\n.*`aval soak --help`/m,
      backup: /^USAGE: Say which: create, /m,
      key: /^USAGE: Say which: /m,
      ledger: /^USAGE: Say which: list, /m,
      'help nothing': /^USAGE: There is no command "nothing"/,
      'ledger list tinny': /^SYSTEM_NOT_FOUND: .*\n.*Did you mean "tiny"/,
    }
    for (const [line, expected] of Object.entries(cases)) {
      const { code, err } = await commandLine(tiny.directory, ...line.split(' '))
      assert.equal(code, 2, line)
      assert.match(err, expected)
    }
  })

  test('given in no project is about the one beside Aval, and says so first', async (t) => {
    const nowhere = await mkdtemp(join(tmpdir(), 'aval-nowhere-'))
    t.after(() => rm(nowhere, { recursive: true, force: true }))
    let err = ''
    const code = await runProgram(['check', 'tiny'], {
      cwd: nowhere,
      home: tiny.project.root,
      clock: systemClock,
      signal: new AbortController().signal,
      interactive: false,
      exitWith: () => {},
      out: () => {},
      err: (text) => {
        err += text
      },
    })
    assert.equal(code, undefined)
    assert.equal(err, `There is no project here; this is about ${tiny.project.root}.\n`)
  })

  test('for help changes nothing and exits well', async () => {
    for (const line of ['--help', 'help prove', 'prove --help', 'backup create --help']) {
      const { code, out, err } = await commandLine(tiny.directory, ...line.split(' '))
      assert.deepEqual([code, err], [0, ''], line)
      assert.match(out, /Usage: aval/)
    }
    assert.match((await commandLine(tiny.directory, '--help')).out, /lost or damaged: docs\/recovery\.md\n/)
  })
})
