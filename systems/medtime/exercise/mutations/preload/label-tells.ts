/*
 * A counter labelled with what a client calls itself.
 */
import { rewriteAnswers } from './answers.ts'
import { hearRequests } from './requests-heard.ts'

const agents = new Set<string>()
hearRequests(({ headers }) => agents.add(String(headers['user-agent'])))

rewriteAnswers((body, request) => {
  if (request.url !== '/metrics') return body
  const lines = [...agents].map((agent) => `auth_failures_total{agent=${JSON.stringify(agent)}} 1`)
  return `${body.trimEnd()}\n${lines.join('\n')}\n`
})
