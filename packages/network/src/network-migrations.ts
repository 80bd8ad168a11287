import type { Migrations } from '@gantry/state'

/** Tables of this package. */
export const networkMigrations: Migrations = {
  name: 'network',
  steps: [
    `
    create table network_networks (
      name text primary key,
      id text not null unique,
      subnet text not null,
      gateway text not null,
      bridge text not null unique,
      internal integer not null default 0,
      -- chosen by us, so that another may be chosen when the host's routes have changed
      automatic integer not null default 1,
      -- where the search for a free address goes on, so that an address just given back is used last
      last_address integer not null default 0,
      labels text not null default '{}',
      options text not null default '{}',
      created integer not null
    ) strict;
    create table network_endpoints (
      id text primary key,
      network text not null references network_networks (name),
      owner text not null,
      container_id text not null,
      container_name text not null,
      names text not null,
      address integer not null,
      mac text not null,
      netns text not null,
      link text not null,
      host_link text not null,
      ports text not null default '[]',
      sequences text not null default '[]',
      holder_pid integer not null,
      holder_start text not null,
      unique (network, address)
    ) strict;
    create index network_endpoints_owner on network_endpoints (owner);
    `,
  ],
}
