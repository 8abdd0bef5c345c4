import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Child, runToEnd, startChild } from '../../src/process.ts'
import type { SeriesSpan } from '../../src/watch/series.ts'
import { writeRequests } from './remote-write.ts'

/** A real Prometheus on loopback, with its data in a folder of its own. */
export interface Prometheus {
  url: string
  write(series: readonly SeriesSpan[]): Promise<void>
  stop(): Promise<void>
}

/** The version that is installed, such as `2.42.0+ds`; undefined where there is none. */
export async function installedVersion(): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await runToEnd({ program: 'prometheus', args: ['--version'] })
    return /version ([\d.]+\S*)/.exec(stdout + stderr)?.[1]
  } catch {
    return undefined
  }
}

/** Starts it and waits until it says that it is ready. @param rules the text of a file of rules */
export async function startPrometheus(rules?: string): Promise<Prometheus> {
  const directory = mkdtempSync(join(tmpdir(), 'aval-prometheus-'))
  const config = join(directory, 'prometheus.yml')
  const rulesFile = join(directory, 'rules.yml')
  if (rules !== undefined) writeFileSync(rulesFile, rules)
  writeFileSync(config, rules === undefined ? '{}\n' : `rule_files: [${rulesFile}]\n`)
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const child = await startChild({
    program: 'prometheus',
    args: [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--web.enable-remote-write-receiver',
      '--storage.tsdb.retention.time=100y',
      '--log.level=error',
    ],
  })
  const stop = async () => {
    await child.stop()
    rmSync(directory, { recursive: true, force: true })
  }
  try {
    await ready(url, child)
  } catch (error) {
    await stop()
    throw error
  }
  return { url, write: (series) => writeAll(url, series), stop }
}

async function writeAll(url: string, series: readonly SeriesSpan[]): Promise<void> {
  for (const body of writeRequests(series)) {
    const answer = await fetch(`${url}/api/v1/write`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' },
      body: new Uint8Array(body),
    })
    if (!answer.ok) throw new Error(`Prometheus refused samples: ${answer.status} ${await answer.text()}`)
    await answer.arrayBuffer()
  }
}

async function ready(url: string, child: Child): Promise<void> {
  let ended = false
  void child.ended.then(() => {
    ended = true
  })
  for (const until = Date.now() + 30_000; Date.now() < until && !ended; await pause(20)) {
    const answer = await fetch(`${url}/-/ready`).catch(() => undefined)
    await answer?.arrayBuffer()
    if (answer?.ok) return
  }
  throw new Error('Prometheus did not become ready.')
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('The system gave no port.')
  return address.port
}
