import { useMutation, useQuery } from '@tanstack/react-query'
import { KeyRound, Monitor, Plus } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { apiKeysQuery, keys, queryClient, sessionQuery, sessionsQuery } from '~/api/queries'
import type { SessionRow } from '~/api/types'
import { Page, PageHead } from '~/components/page-head'
import { FormProblem, ProblemView } from '~/components/problem-view'
import { usePage } from '~/stores/page'
import { setTheme, type Theme, useTheme } from '~/stores/theme'
import { toast } from '~/stores/toasts'
import { Card, CardHead, Tag } from '~/ui/bits'
import { Button } from '~/ui/button'
import { CommandBox } from '~/ui/copy'
import { Confirm, Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Input, Select } from '~/ui/field'
import { Segmented } from '~/ui/segmented'
import { Ago } from '~/ui/time'
import { Empty, SkeletonRows } from '~/ui/wait'
import { browserName } from '~/util/browser'
import { PasswordForm } from './password'

export function AccountPage() {
  const session = useQuery(sessionQuery)
  usePage('Account')
  return (
    <Page>
      <PageHead title="Account" note={session.data?.user.username} />
      <div className="grid grid-cols-[minmax(0,1fr)_400px] items-start gap-4 max-lg:grid-cols-1">
        <div className="flex min-w-0 flex-col gap-4">
          <Sessions />
          <ApiKeys />
        </div>
        <div className="flex flex-col gap-4">
          {session.data && (
            <Profile
              key={session.data.user.id}
              email={session.data.user.email}
              username={session.data.user.username}
            />
          )}
          <Card>
            <CardHead title="Password" />
            <div className="p-4">
              <PasswordForm
                onDone={async () => {
                  toast.done('Password changed', 'Your other sessions have ended.')
                  await queryClient.invalidateQueries({ queryKey: keys.sessions })
                }}
              />
            </div>
          </Card>
          <ThemeCard />
        </div>
      </div>
    </Page>
  )
}

function Profile({ email, username }: { email: string; username: string }) {
  const [mail, setMail] = useState(email)
  const [name, setName] = useState(username)
  const save = useMutation({
    mutationFn: () =>
      must(
        api.PATCH('/account', {
          body: {
            ...(name !== username ? { username: name } : {}),
            ...(mail !== email ? { email: mail } : {}),
          },
        }),
      ),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: keys.session })
      toast.done('Profile saved')
    },
  })
  const problem = save.error ? asProblem(save.error) : undefined
  const dirty = mail !== email || name !== username
  return (
    <Card>
      <CardHead title="Profile" />
      <form
        className="flex flex-col gap-4 p-4"
        onSubmit={(event: FormEvent) => {
          event.preventDefault()
          if (dirty) save.mutate()
        }}
      >
        <Field label="User name" error={problem?.fields.username}>
          {(ids) => (
            <Input
              {...ids}
              required
              autoComplete="username"
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
        <Field label="E-mail" error={problem?.fields.email}>
          {(ids) => (
            <Input
              {...ids}
              type="email"
              required
              autoComplete="email"
              value={mail}
              onChange={(event) => setMail(event.target.value)}
            />
          )}
        </Field>
        {problem && Object.keys(problem.fields).length === 0 && <FormProblem error={problem} />}
        <div className="flex justify-end">
          <Button type="submit" busy={save.isPending} off={dirty ? false : 'Nothing has changed'}>
            Save
          </Button>
        </div>
      </form>
    </Card>
  )
}

function Sessions() {
  const sessions = useQuery(sessionsQuery)
  const [ending, setEnding] = useState<SessionRow>()
  return (
    <Card>
      <CardHead title="Sessions" note={sessions.data?.length} />
      {sessions.isPending && <SkeletonRows rows={2} />}
      {sessions.isError && (
        <div className="p-4">
          <ProblemView error={sessions.error} onRetry={() => void sessions.refetch()} />
        </div>
      )}
      <ul aria-label="Sessions">
        {sessions.data?.map((row) => (
          <li
            key={row.id}
            className="flex items-center gap-3 border-t border-line px-4 py-2.5 first:border-0"
          >
            <Monitor aria-hidden="true" size={16} strokeWidth={1.75} className="shrink-0 text-t3" />
            <div className="min-w-0 flex-1">
              <div className="flex items-center gap-2">
                <span className="truncate font-medium" title={row.user_agent}>
                  {browserName(row.user_agent)}
                </span>
                {row.current && <Tag>this one</Tag>}
              </div>
              <div className="truncate text-12 text-t3">
                <span className="mono">{row.address}</span> · seen <Ago at={row.last_seen_at} /> · since{' '}
                <Ago at={row.created_at} />
              </div>
            </div>
            <Button
              size="sm"
              look="danger"
              off={row.current ? 'Sign out ends this one' : false}
              onClick={() => setEnding(row)}
            >
              End
            </Button>
          </li>
        ))}
      </ul>
      <Confirm
        open={ending !== undefined}
        onClose={() => setEnding(undefined)}
        title="End this session?"
        verb="End"
        onConfirm={async () => {
          try {
            await must(api.DELETE('/account/sessions/{id}', { params: { path: { id: ending?.id ?? '' } } }))
            await queryClient.invalidateQueries({ queryKey: keys.sessions })
          } catch (error) {
            toast.error('Not ended', error)
            throw error
          }
        }}
      >
        {ending && browserName(ending.user_agent)} at {ending?.address} is signed out within a second.
      </Confirm>
    </Card>
  )
}

function ApiKeys() {
  const list = useQuery(apiKeysQuery)
  const [making, setMaking] = useState(false)
  const [removing, setRemoving] = useState<{ id: string; name: string }>()
  return (
    <Card>
      <CardHead title="API keys" note={list.data?.length}>
        <Button size="sm" icon={Plus} onClick={() => setMaking(true)}>
          New key
        </Button>
      </CardHead>
      {list.isPending && <SkeletonRows rows={2} />}
      {list.data?.length === 0 && (
        <Empty title="No key yet">A key does what you may do, from a script. It is shown once.</Empty>
      )}
      <ul aria-label="API keys">
        {list.data?.map((key) => (
          <li
            key={key.id}
            className="flex items-center gap-3 border-t border-line px-4 py-2.5 first:border-0"
          >
            <KeyRound aria-hidden="true" size={16} strokeWidth={1.75} className="shrink-0 text-t3" />
            <div className="min-w-0 flex-1">
              <div className="truncate font-medium">{key.name}</div>
              <div className="truncate text-12 text-t3">
                <span className="mono">{key.prefix}…</span> ·{' '}
                {key.last_used_at ? (
                  <>
                    used <Ago at={key.last_used_at} />
                  </>
                ) : (
                  'never used'
                )}{' '}
                ·{' '}
                {key.expires_at ? (
                  <>
                    ends <Ago at={key.expires_at} />
                  </>
                ) : (
                  'does not end'
                )}
              </div>
            </div>
            <Button size="sm" look="danger" onClick={() => setRemoving(key)}>
              Delete
            </Button>
          </li>
        ))}
      </ul>
      <NewKeyDialog open={making} onClose={() => setMaking(false)} />
      <Confirm
        open={removing !== undefined}
        onClose={() => setRemoving(undefined)}
        title={`Delete ${removing?.name}?`}
        verb="Delete"
        onConfirm={async () => {
          try {
            await must(api.DELETE('/account/api-keys/{id}', { params: { path: { id: removing?.id ?? '' } } }))
            await queryClient.invalidateQueries({ queryKey: keys.apiKeys })
          } catch (error) {
            toast.error('Not deleted', error)
            throw error
          }
        }}
      >
        Whatever uses it is refused from now on.
      </Confirm>
    </Card>
  )
}

const LIVES: Array<[days: number, word: string]> = [
  [30, '30 days'],
  [90, '90 days'],
  [365, 'a year'],
  [0, 'until it is deleted'],
]

function NewKeyDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const [secret, setSecret] = useState<string>()
  const [name, setName] = useState('')
  const [days, setDays] = useState(90)
  const make = useMutation({
    mutationFn: () =>
      must(
        api.POST('/account/api-keys', {
          body: {
            name: name.trim(),
            ...(days > 0 ? { expires_at: new Date(Date.now() + days * 86_400_000).toISOString() } : {}),
          },
        }),
      ),
    onSuccess: (made) => {
      setSecret(made.secret)
      void queryClient.invalidateQueries({ queryKey: keys.apiKeys })
    },
  })
  const close = () => {
    setSecret(undefined)
    setName('')
    make.reset()
    onClose()
  }
  return (
    <Dialog
      open={open}
      onClose={close}
      title={secret ? 'Your new key' : 'New API key'}
      note={secret ? 'It is shown once. Copy it now.' : undefined}
    >
      {secret ? (
        <>
          <CommandBox text={secret} primary />
          <p className="mt-2 text-12 text-t3">
            Send it as <span className="mono">Authorization: Bearer …</span>
          </p>
          <DialogFoot>
            <Button onClick={close}>I have it</Button>
          </DialogFoot>
        </>
      ) : (
        <form
          className="flex flex-col gap-4"
          onSubmit={(event: FormEvent) => {
            event.preventDefault()
            if (name.trim()) make.mutate()
          }}
        >
          <Field label="Name" help="Where it is used">
            {(ids) => (
              <Input
                {...ids}
                autoFocus
                maxLength={64}
                value={name}
                onChange={(event) => setName(event.target.value)}
              />
            )}
          </Field>
          <Field label="Works for">
            {(ids) => (
              <Select {...ids} value={days} onChange={(event) => setDays(Number(event.target.value))}>
                {LIVES.map(([value, word]) => (
                  <option key={value} value={value}>
                    {word}
                  </option>
                ))}
              </Select>
            )}
          </Field>
          {make.error && <FormProblem error={make.error} />}
          <DialogFoot>
            <Button onClick={close}>Cancel</Button>
            <Button
              type="submit"
              look="primary"
              busy={make.isPending}
              off={name.trim() ? false : 'A name is needed'}
            >
              Make the key
            </Button>
          </DialogFoot>
        </form>
      )}
    </Dialog>
  )
}

function ThemeCard() {
  const theme = useTheme()
  return (
    <Card>
      <CardHead title="Theme" />
      <div className="p-4">
        <Segmented<Theme>
          label="Theme"
          value={theme}
          choices={[
            { value: 'system', label: 'System' },
            { value: 'dark', label: 'Dark' },
            { value: 'light', label: 'Light' },
            { value: 'contrast', label: 'Contrast' },
          ]}
          onChange={setTheme}
        />
      </div>
    </Card>
  )
}
