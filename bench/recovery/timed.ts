import { spawn } from 'node:child_process'
import { serverAccount } from '../../src/postgres/account.ts'

export interface Timed {
  ms: number
  stdout: string
}

/** Runs a program to its end and times it from its start to its exit; what it says on its error output counts only when it fails. */
export async function timed(
  program: string,
  args: readonly string[],
  options: { asServer?: boolean; env?: NodeJS.ProcessEnv } = {},
): Promise<Timed> {
  const account = options.asServer ? serverAccount() : undefined
  const started = performance.now()
  const child = spawn(program, args, {
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
    ...(account ? { uid: account.uid, gid: account.gid } : {}),
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}: ${stderr}${stdout}`)
  return { ms: performance.now() - started, stdout }
}
