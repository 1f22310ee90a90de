import { useQuery } from '@tanstack/react-query'
import { KeyRound, Plus } from 'lucide-react'
import { useState } from 'react'
import { api, must } from '~/api/client'
import { keys, registriesQuery, sessionQuery } from '~/api/queries'
import type { Registry } from '~/api/types'
import { CredentialRow, TakeBack } from '~/components/credentials'
import { Page, PageHead } from '~/components/page-head'
import { ProblemView } from '~/components/problem-view'
import { type Editing, RegistryDialog } from '~/forms/registry-edit'
import { usePage } from '~/stores/page'
import { Card } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Ago } from '~/ui/time'
import { Empty, SkeletonRows } from '~/ui/wait'
import { visible } from '~/util/visible'

/** Credentials with which nodes pull images that not everybody may have. */
export function RegistriesPage() {
  const session = useQuery(sessionQuery)
  const registries = useQuery(registriesQuery)
  const [editing, setEditing] = useState<Editing>()
  const [removing, setRemoving] = useState<Registry>()
  usePage('Registries')
  const off = session.data?.permissions.includes('registry.update')
    ? false
    : 'You may not change the credentials of registries'
  return (
    <Page>
      <PageHead title="Registries" note={registries.data?.length}>
        <Button look="primary" icon={Plus} off={off} onClick={() => setEditing('new')}>
          New registry
        </Button>
      </PageHead>
      <p className="mb-4 max-w-180 text-t2">
        Credentials for images that not everybody may pull. A node is given those of its own servers’ images
        and no others.
      </p>
      {registries.isError && (
        <ProblemView error={registries.error} onRetry={() => void registries.refetch()} />
      )}
      {registries.isPending && (
        <Card>
          <SkeletonRows rows={3} />
        </Card>
      )}
      {registries.data && (
        <Card>
          {registries.data.length === 0 && (
            <Empty
              title="Every image is pulled without signing in"
              action={
                <Button icon={Plus} off={off} onClick={() => setEditing('new')}>
                  New registry
                </Button>
              }
            >
              Public images need nothing here. For an image of your own, add its registry’s host and a token
              that may read; then name the image in an egg or in a server’s startup.
            </Empty>
          )}
          <ul aria-label="Registries">
            {registries.data.map((registry) => (
              <CredentialRow
                key={registry.id}
                icon={KeyRound}
                name={
                  <span className="mono max-sm:whitespace-normal max-sm:[overflow-wrap:anywhere]">
                    {registry.host}
                  </span>
                }
                facts={[
                  registry.username ? `as ${visible(registry.username)}` : 'with a token alone',
                  <>
                    {registry.updated_at === registry.created_at ? 'added' : 'changed'}{' '}
                    <Ago at={registry.updated_at} />
                  </>,
                ]}
                action={
                  <span className="flex gap-2">
                    <Button size="sm" off={off} onClick={() => setEditing(registry)}>
                      Change
                    </Button>
                    <Button size="sm" look="danger" off={off} onClick={() => setRemoving(registry)}>
                      Delete
                    </Button>
                  </span>
                }
              />
            ))}
          </ul>
        </Card>
      )}
      <RegistryDialog editing={editing} onClose={() => setEditing(undefined)} />
      <TakeBack
        item={removing}
        onClose={() => setRemoving(undefined)}
        title={`Delete the credential for ${removing?.host}?`}
        verb="Delete"
        failed="Not deleted"
        typed={removing?.host}
        list={keys.registries}
        take={({ id }) => must(api.DELETE('/registries/{id}', { params: { path: { id } } }))}
      >
        Its images are then pulled without signing in, which a private one refuses. Servers that run go on;
        one whose image is not on its node yet will not install or start.
      </TakeBack>
    </Page>
  )
}
