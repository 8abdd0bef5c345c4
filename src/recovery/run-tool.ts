import { basename } from 'node:path'
import { failure } from '../errors.ts'
import { type Child, startChild } from '../process.ts'

export interface ToolOptions {
  program: string
  args: readonly string[]
  env: NodeJS.ProcessEnv
  account?: { uid: number; gid: number } | undefined
  signal?: AbortSignal | undefined
  /** Lines worth showing to a person; all unless told. What may hold rows must be kept out. */
  show?: (line: string) => string | undefined
}

/** What is kept of the output of a program, characters of its beginning. */
const outputLimit = 64 * 2 ** 20
const shownLines = 6

/**
 * Runs a program of a backup to its end, however long it takes; an aborted signal ends it and everything it started.
 * @returns what it printed.
 * @throws ENGINE_TOOL_FAILED with its last words, or the signal's reason.
 */
export async function runTool(options: ToolOptions): Promise<string> {
  const { program, args, env, account, signal, show = (line) => line } = options
  signal?.throwIfAborted()
  const child = await startChild({ program, args, env, cwd: '/', ...(account ? { account } : {}) })
  const stop = () => void child.stop()
  signal?.addEventListener('abort', stop, { once: true })
  if (signal?.aborted) stop()
  const [stdout, stderr] = [collect(child.process.stdout), collect(child.process.stderr)]
  const ending = await child.ended
  signal?.removeEventListener('abort', stop)
  signal?.throwIfAborted()
  if (ending.code === 0) return stdout()
  throw failure('ENGINE_TOOL_FAILED', {
    program: basename(program),
    outcome: ending.signal ? `signal ${ending.signal}` : `exit code ${ending.code}`,
    output: lastLines(stderr().trim() || stdout().trim(), show),
  })
}

function collect(stream: Child['process']['stdout']): () => string {
  let text = ''
  stream?.setEncoding('utf8').on('data', (piece: string) => {
    if (text.length < outputLimit) text += piece
  })
  return () => text
}

function lastLines(text: string, show: (line: string) => string | undefined): string {
  const lines = text.split('\n').flatMap((line) => show(line) ?? [])
  return lines.slice(-shownLines).join('\n    ') || 'it said nothing'
}
