import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { openAlertStore } from './alert-store.ts'
import { killedEvaluation, killedSetup, killedStepMs } from './killed-rounds.fixture.ts'
import type { Notice } from './notice.ts'
import { type AlertState, alertRound, emptyState } from './round.ts'
import type { Silence } from './silence.ts'

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'aval-alerts-'))
  try {
    await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const silence: Silence = {
  id: 's1',
  matchers: [{ label: 'alert', op: '=', value: 'errors' }],
  fromMs: 0,
  untilMs: 9_000,
  by: 'on call',
  why: 'known',
}

test('a process that is killed forgets no round it said it kept, and no notice', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'alerts.db')
    const script = join(import.meta.dirname, 'killed-rounds.fixture.ts')
    const child = spawn(process.execPath, [script, file], { stdio: ['ignore', 'pipe', 'inherit'] })
    const exited = once(child, 'exit')
    let kept = -1
    for await (const line of createInterface({ input: child.stdout })) {
      kept = Number(line)
      if (kept === 20) child.kill('SIGKILL')
    }
    await exited
    assert.equal(child.signalCode, 'SIGKILL')
    assert.ok(kept >= 20)

    using store = openAlertStore(file)
    // The last round may have been kept without being said.
    const states = [kept, kept + 1].map((last) => livedUntil(last))
    const found = states.find(({ state }) => {
      return JSON.stringify([...store.state().rules]) === JSON.stringify([...state.rules])
    })
    assert.ok(found, 'its state is that of a process that was not killed')
    assert.deepEqual([...store.state().groups], [...found.state.groups])
    assert.deepEqual(
      store.waiting().map(({ notice }) => notice),
      found.notices,
    )
    assert.ok(found.notices.length >= 4)
  }))

function livedUntil(last: number): { state: AlertState; notices: Notice[] } {
  let state = emptyState
  const notices: Notice[] = []
  for (let round = 0; round <= last; round++) {
    const evaluate = () => killedEvaluation(round)
    const result = alertRound(killedSetup, state, { evaluate }, round * killedStepMs)
    state = result.state
    notices.push(...result.notices)
  }
  return { state, notices }
}

test('a notice waits until somebody took it, whoever opens the file', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'alerts.db')
    const notice: Notice = {
      group: 'alert=errors',
      channel: 'pager',
      alerts: [
        {
          id: 'a',
          alert: 'errors',
          labels: {},
          severity: 'high',
          status: 'firing',
          startedAtMs: 1,
          endedAtMs: undefined,
          summary: 'errors',
          runbook: undefined,
          value: Number.NaN,
        },
      ],
      status: 'firing',
      atMs: 1,
    }
    {
      using store = openAlertStore(file)
      store.commit(emptyState, [notice, { ...notice, atMs: 2 }])
    }
    {
      using store = openAlertStore(file)
      const [first, second] = store.waiting()
      assert.deepEqual([first?.notice, second?.notice.atMs], [notice, 2])
      store.handedOver(first?.sequence ?? -1)
    }
    using store = openAlertStore(file)
    assert.deepEqual(
      store.waiting().map(({ notice: { atMs } }) => atMs),
      [2],
    )
  }))

test('a silence that another process keeps is seen by the next round, and no round undoes it', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'alerts.db')
    using rounds = openAlertStore(file)
    using other = openAlertStore(file)
    const before = rounds.state()
    other.silence(silence)
    rounds.commit(before)
    assert.deepEqual([...rounds.state().silences.values()], [silence])
  }))
