import { asProblem, Problem } from '~/api/problem'
import type { Plan, Quota } from '~/api/types'
import { texts } from '~/i18n/texts'
import { hasQuota } from './quota'

const t = texts('plans')

export const standardOf = (plans: Plan[] | undefined) => plans?.find(({ standard }) => standard)

/** Where somebody's numbers come from. Who may not see plans is not told which one is the standard. */
export function sourceText(quota: Quota, plans: Plan[] | undefined): string {
  const { plan, own } = quota
  if (plan)
    return t(standardOf(plans)?.id === plan.id ? 'source.standard' : 'source.plan', { name: plan.name })
  if (!own) return t('no_limit')
  return t(hasQuota(quota) ? 'source.own' : 'source.own_none')
}

/** Nobody but an admin changes what bounds themselves. */
export function boundBy(plan: Plan, quota: Quota | undefined, admin: boolean): string | false {
  return !admin && quota?.plan?.id === plan.id && t('bound')
}

/** Why a plan can't be deleted now. */
export function keptBy({ people, standard }: Plan): string | false {
  if (people > 0) return t('kept.people', { n: people })
  return standard && t('kept.standard')
}

/** A refusal in our words, where the panel's are not about what one sees here. */
export function planProblem(error: unknown): Problem {
  const problem = asProblem(error)
  const said = t.maybe(`refused.${problem.code}`)
  return said ? new Problem({ ...problem, detail: said }) : problem
}
