import { useMutation, useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { personQuotaQuery } from '~/api/people'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { Person, Quota } from '~/api/types'
import { FormProblem } from '~/components/problem-view'
import { QuotaUse } from '~/components/quota'
import { useMay } from '~/hooks/use-may'
import { toast } from '~/stores/toasts'
import { Card, CardHead } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Input } from '~/ui/field'
import { bytesText, fromMib, toMib } from '~/util/format'
import { hasQuota, type QuotaName } from '~/util/quota'

const FIELDS: Array<[name: QuotaName, label: string, note: string, help?: string]> = [
  ['servers', 'Servers', ''],
  ['memory_bytes', 'Memory', 'MiB', 'swap counts too'],
  ['disk_bytes', 'Disk', 'MiB'],
  ['cpu_percent', 'CPU', 'percent of a core'],
  ['ports', 'Ports', '', 'the first one of each server too'],
  ['subusers', 'Shares', '', 'people with access, once for each server'],
]

const inMib = (name: QuotaName) => name.endsWith('_bytes')

type Typed = Record<QuotaName, string>

function typed(limits: Quota['limits']): Typed {
  const text = (name: QuotaName) => {
    const most = limits[name]
    if (most === null || most === undefined) return ''
    return String(inMib(name) ? toMib(most) : most)
  }
  return Object.fromEntries(FIELDS.map(([name]) => [name, text(name)])) as Typed
}

function read(fields: Typed): Quota['limits'] {
  const number = (name: QuotaName) => {
    const text = fields[name].trim()
    if (text === '') return null
    return inMib(name) ? fromMib(Number(text)) : Number(text)
  }
  return Object.fromEntries(FIELDS.map(([name]) => [name, number(name)]))
}

/** What the number comes to, for those who think in GiB and cores. */
function means(name: QuotaName, text: string, help = ''): string {
  const most = Number(text)
  if (text.trim() === '' || wrong(text)) return help
  if (inMib(name)) return [bytesText(fromMib(most), true), help].filter(Boolean).join(', ')
  return name === 'cpu_percent' ? `${most / 100} ${most === 100 ? 'core' : 'cores'}` : help
}

const wrong = (text: string) =>
  /^\d*$/.test(text.trim()) ? undefined : 'is a whole number, or empty for no limit'

/** What somebody's servers may have together, and what they have. */
export function PersonQuota({ person }: { person: Person }) {
  const quota = useQuery(personQuotaQuery(person.id)).data
  const { user: me, admin, may } = useMay()
  const [open, setOpen] = useState(false)
  if (!quota) return null
  const off =
    person.id === me?.id
      ? 'Nobody sets their own quota'
      : !may('person.quota')
        ? 'You may not set quotas'
        : person.admin && !admin && 'This is an admin’s account, and you are none'
  return (
    <Card>
      <CardHead title="Quota" note={hasQuota(quota) ? undefined : 'no limits'}>
        <Button size="sm" off={off} onClick={() => setOpen(true)}>
          {hasQuota(quota) ? 'Change' : 'Set limits'}
        </Button>
      </CardHead>
      <div className="px-4 py-3">
        <QuotaUse quota={quota} all />
      </div>
      <Dialog open={open} onClose={() => setOpen(false)} title={`What ${person.username}’s servers may have`}>
        {open && <QuotaForm person={person} quota={quota} onClose={() => setOpen(false)} />}
      </Dialog>
    </Card>
  )
}

function QuotaForm({ person, quota, onClose }: { person: Person; quota: Quota; onClose: () => void }) {
  const first = typed(quota.limits)
  const [fields, setFields] = useState(first)
  const save = useMutation({
    mutationFn: () =>
      must(api.PUT('/users/{user}/quota', { params: { path: { user: person.id } }, body: read(fields) })),
    onSuccess: (fresh) => {
      queryClient.setQueryData(keys.personQuota(person.id), fresh)
      toast.done(`${person.username}’s quota is set`)
      onClose()
    },
  })
  const problem = save.error ? asProblem(save.error) : undefined
  const bad = FIELDS.some(([name]) => wrong(fields[name]))
  const same = FIELDS.every(([name]) => fields[name].trim() === first[name])
  return (
    <form
      className="flex flex-col gap-4"
      noValidate
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (!bad && !same && !save.isPending) save.mutate()
      }}
    >
      <p className="text-t2">
        All servers together. What is left empty has no limit; what their servers have already stays.
      </p>
      <div className="grid grid-cols-2 items-start gap-4 max-sm:grid-cols-1">
        {FIELDS.map(([name, label, note, help]) => (
          <Field
            key={name}
            label={label}
            note={note || undefined}
            help={means(name, fields[name], help)}
            error={problem?.fields[name] ?? wrong(fields[name])}
          >
            {(ids) => (
              <Input
                {...ids}
                inputMode="numeric"
                autoComplete="off"
                placeholder="no limit"
                value={fields[name]}
                onChange={(event) => setFields({ ...fields, [name]: event.target.value })}
              />
            )}
          </Field>
        ))}
      </div>
      {problem && Object.keys(problem.fields).length === 0 && <FormProblem error={problem} />}
      <DialogFoot>
        <Button onClick={onClose}>Cancel</Button>
        <Button
          type="submit"
          look="primary"
          busy={save.isPending}
          off={bad ? 'A number is wrong' : same && 'Nothing has changed'}
        >
          Save
        </Button>
      </DialogFoot>
    </form>
  )
}
