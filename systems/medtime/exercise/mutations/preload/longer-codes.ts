/*
 * A code sent by SMS is good for a second longer.
 */
import { rewriteSource } from './source.ts'

rewriteSource('/services/accounts/second-factor/factors.ts', 'smsCodeMs = 5 * 60_000', 'smsCodeMs = 5 * 60_000 + 1_000')
