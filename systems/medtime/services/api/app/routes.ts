import { z } from 'zod'
import { crashReport, usageReport } from '../../../client/app/wire.ts'
import { errorAnswer } from '../http/error-answer.ts'
import { failures, type RouteDescription } from '../http/route.ts'

export const crashAnswer = z.object({ kept_until: z.iso.datetime() })
export const usageAnswer = z.object({ counted: z.int() })

export const appRoutes = {
  crash: {
    method: 'POST',
    path: '/app/crashes',
    summary: 'Takes what an app tells of a crash; it is kept for 90 days, and not with whom it came from',
    authenticated: true,
    body: crashReport,
    answers: { 200: crashAnswer, 400: errorAnswer, 415: errorAnswer, ...failures },
  },
  usage: {
    method: 'POST',
    path: '/app/usage',
    summary: 'Counts events of use by tier and role; nothing else of them is kept',
    authenticated: true,
    body: usageReport,
    answers: { 200: usageAnswer, 400: errorAnswer, 415: errorAnswer, ...failures },
  },
} as const satisfies Record<string, RouteDescription>
