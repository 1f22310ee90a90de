import { useMutation, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { personQuotaQuery, plansQuery } from '~/api/people'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { Person, Plan, Quota } from '~/api/types'
import { FormProblem } from '~/components/problem-view'
import { QuotaUse } from '~/components/quota'
import { useMay } from '~/hooks/use-may'
import { useSeen } from '~/hooks/use-seen'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Card, CardHead } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Select } from '~/ui/field'
import { Segmented } from '~/ui/segmented'
import { sentence } from '~/util/format'
import { sourceText, standardOf } from '~/util/plan'
import { limitsText } from '~/util/quota'
import { noLimits, QuotaFields, readLimits, sameLimits, typedLimits, wrongLimits } from './quota-fields'

const t = texts('quota')
const form = texts('form_parts')
const common = texts('common')

/** What somebody's servers may have together, by which plan, and what they have. */
export function PersonQuota({ person }: { person: Person }) {
  const { user: me, admin, may } = useMay()
  const quota = useQuery(personQuotaQuery(person.id)).data
  const plans = useQuery({ ...plansQuery, enabled: may('plan.read') })
  const [open, setOpen] = useState(false)
  if (!quota || plans.isLoading) return null
  const off =
    person.id === me?.id
      ? t('person.own')
      : !may('person.quota')
        ? t('person.off')
        : person.admin && !admin && t('person.admins')
  return (
    <Card>
      <CardHead
        title={t('person.title')}
        note={<span className="[overflow-wrap:anywhere]">{sourceText(quota, plans.data)}</span>}
      >
        <Button size="sm" off={off} onClick={() => setOpen(true)}>
          {t(quota.plan || quota.own ? 'person.change' : 'person.set')}
        </Button>
      </CardHead>
      <div className="px-4 py-3">
        <QuotaUse quota={quota} all />
      </div>
      <Dialog open={open} onClose={() => setOpen(false)} title={t('person.what', { name: person.username })}>
        {open && (
          <QuotaForm person={person} quota={quota} plans={plans.data} onClose={() => setOpen(false)} />
        )}
      </Dialog>
    </Card>
  )
}

type Source = 'standard' | 'plan' | 'own'

function QuotaForm({
  person,
  quota,
  plans,
  onClose,
}: {
  person: Person
  quota: Quota
  /** None for who may not see them. */
  plans: Plan[] | undefined
  onClose: () => void
}) {
  const standard = standardOf(plans)
  // The panel does not tell who follows the standard plan from who was put on it.
  const onStandard = quota.plan !== null && quota.plan.id === standard?.id
  const first = typedLimits(quota.limits)
  const [source, setSource] = useState<Source>(
    quota.own ? 'own' : quota.plan && !onStandard ? 'plan' : 'standard',
  )
  const [plan, setPlan] = useState(onStandard ? '' : (quota.plan?.id ?? ''))
  const [fields, setFields] = useState(first)
  // A dialog counts from its opening.
  const seen = useSeen(`${person.id}/quota`, quota, true, () =>
    queryClient.fetchQuery(personQuotaQuery(person.id)),
  )
  const save = useMutation({
    mutationFn: () => {
      const body = { standard: {}, plan: { plan }, own: { own: true, ...readLimits(fields) } }[source]
      return seen.send((header) =>
        must(api.PUT('/users/{user}/quota', { params: { path: { user: person.id }, header }, body })),
      )
    },
    onSuccess: (fresh) => {
      queryClient.setQueryData(keys.personQuota(person.id), fresh)
      void queryClient.invalidateQueries({ queryKey: keys.plans })
      toast.done(t('person.done', { name: person.username }))
      onClose()
    },
  })
  const problem = save.error ? asProblem(save.error) : undefined
  const errors = problem?.fields ?? {}
  const same = {
    standard: !quota.own && quota.plan === null,
    plan: !onStandard && plan === quota.plan?.id,
    own: quota.own && sameLimits(fields, first),
  }[source]
  const off =
    source === 'plan' && plan === ''
      ? t('off.plan')
      : source === 'own' && wrongLimits(fields)
        ? t('off.number')
        : same && form('nothing_changed')
  return (
    <form
      className="flex flex-col gap-4"
      noValidate
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (off === false && !save.isPending) save.mutate()
      }}
    >
      <div>
        <Segmented
          label={t('by')}
          value={source}
          choices={[
            { value: 'standard', label: t(plans && !standard ? 'by.no_limit' : 'by.standard') },
            { value: 'plan', label: t('by.plan') },
            { value: 'own', label: t('by.own') },
          ]}
          onChange={setSource}
        />
        <p className="mt-2 text-t2">{t(`by_note.${source}`)}</p>
      </div>
      {source === 'standard' && <StandardHolds plans={plans} />}
      {source === 'plan' && (
        <PlanField
          plans={plans ?? (quota.plan ? [quota.plan] : [])}
          error={errors.plan}
          value={plan}
          onChange={setPlan}
        />
      )}
      {source === 'own' && (
        <>
          <QuotaFields {...{ fields, errors }} onChange={setFields} />
          {noLimits(fields) && <p className="text-12 text-t3">{t('own_no_number')}</p>}
        </>
      )}
      {problem && Object.keys(errors).length === 0 && <FormProblem error={problem} />}
      <DialogFoot>
        <Button onClick={onClose}>{common('cancel')}</Button>
        <Button type="submit" look="primary" busy={save.isPending} off={off}>
          {form('save')}
        </Button>
      </DialogFoot>
    </form>
  )
}

/** The standard plan and what it comes to. */
function StandardHolds({ plans }: { plans: Plan[] | undefined }) {
  const standard = standardOf(plans)
  if (!standard) return <p className="text-12 text-t3">{t(plans ? 'standard.none' : 'standard.maybe')}</p>
  return (
    <div className="rounded-box border border-line px-3 py-2">
      <div className="font-medium [overflow-wrap:anywhere]">{standard.name}</div>
      <div className="text-12 text-t2">{sentence(limitsText(standard.limits))}</div>
    </div>
  )
}

function PlanField({
  plans,
  error,
  value,
  onChange,
}: {
  plans: Array<Pick<Plan, 'id' | 'name'> & Partial<Plan>>
  error: string | undefined
  value: string
  onChange: (plan: string) => void
}) {
  const { may } = useMay()
  const limits = plans.find(({ id }) => id === value)?.limits
  if (plans.length === 0)
    return (
      <p className="rounded-box border border-line px-3 py-2 text-t2">
        {may('plan.read')
          ? t.rich('plan.none', {
              link: (inner) => (
                <Link to="/plans" search={{ new: true }} className="text-accent hover:underline">
                  {inner}
                </Link>
              ),
            })
          : t('plan.off')}
      </p>
    )
  return (
    <Field label={t('plan.label')} help={limits && sentence(limitsText(limits))} error={error}>
      {(ids) => (
        <Select {...ids} value={value} onChange={(event) => onChange(event.target.value)}>
          <option value="">{form('choose_one')}</option>
          {plans.map(({ id, name, standard }) => (
            <option key={id} value={id}>
              {standard ? t('plan.standard', { name }) : name}
            </option>
          ))}
        </Select>
      )}
    </Field>
  )
}
