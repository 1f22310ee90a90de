import { asProblem, Problem } from '~/api/problem'
import type { Plan, Quota } from '~/api/types'
import { plural } from './format'
import { hasQuota } from './quota'

export const standardOf = (plans: Plan[] | undefined) => plans?.find(({ standard }) => standard)

/** Where somebody's numbers come from. Who may not see plans is not told which one is the standard. */
export function sourceText(quota: Quota, plans: Plan[] | undefined): string {
  const { plan, own } = quota
  if (plan)
    return standardOf(plans)?.id === plan.id ? `the standard plan ${plan.name}` : `on the plan ${plan.name}`
  if (!own) return 'no limit'
  return hasQuota(quota) ? 'own numbers' : 'own, with no limit'
}

/** Nobody but an admin changes what bounds themselves. */
export function boundBy(plan: Plan, quota: Quota | undefined, admin: boolean): string | false {
  return !admin && quota?.plan?.id === plan.id && 'It bounds your own servers: somebody else has to change it'
}

/** Why a plan can't be deleted now. */
export function keptBy({ people, standard }: Plan): string | false {
  if (people > 0) return `${plural(people, 'person is', 'people are')} on it: put them on another plan first`
  return standard && 'It is the standard plan: make another one the standard first, or none'
}

const WORDS: Record<string, string> = {
  own_rights: 'It would change what bounds your own servers. Ask somebody else who may change plans.',
  plan_in_use: 'Somebody was put on it, or it became the standard plan. See to that first.',
}

/** A refusal in our words, where the panel's are not about what one sees here. */
export function planProblem(error: unknown): Problem {
  const problem = asProblem(error)
  const said = Object.hasOwn(WORDS, problem.code) ? WORDS[problem.code] : undefined
  return said ? new Problem({ ...problem, detail: said }) : problem
}
