-- What the sink itself keeps, beside the tables of events that it makes out of their schemas.

-- Up to where each partition has been written. It moves in the transaction of what was written.
CREATE TABLE offsets (
  topic text NOT NULL,
  kafka_partition integer NOT NULL,
  next_offset bigint NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (topic, kafka_partition)
);

-- Which events are there already, by a hash of tenant, source, type and id.
CREATE TABLE event_ids (
  key uuid PRIMARY KEY,
  day date NOT NULL
);
CREATE INDEX event_ids_by_day ON event_ids USING brin (day);

-- Which table and columns types and fields have; a name once given stays.
CREATE TABLE event_tables (
  type text PRIMARY KEY,
  table_name text NOT NULL UNIQUE,
  made_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE event_columns (
  table_name text NOT NULL REFERENCES event_tables (table_name),
  field text NOT NULL,
  column_type text NOT NULL,
  column_name text NOT NULL,
  made_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (table_name, field, column_type),
  UNIQUE (table_name, column_name)
);

-- Events the gateway refused (origin gateway), and records that could not be read (origin sink).
CREATE TABLE dead_letters (
  origin text NOT NULL,
  received_at timestamptz NOT NULL,
  code text NOT NULL,
  detail text,
  tenant text,
  source text,
  type text,
  event_id text,
  topic text NOT NULL,
  kafka_partition integer NOT NULL,
  kafka_offset bigint NOT NULL,
  kafka_key bytea,
  headers jsonb NOT NULL,
  payload bytea
) PARTITION BY RANGE (received_at);
CREATE INDEX dead_letters_by_time ON dead_letters (received_at, code);

-- One row a session; of several ends the one with the highest revision holds.
CREATE TABLE sessions (
  tenant text NOT NULL,
  source text NOT NULL,
  session_id text NOT NULL,
  actor text NOT NULL,
  user_id text,
  person text NOT NULL,
  started_at timestamptz NOT NULL,
  ended_at timestamptz,
  duration_ms bigint,
  events bigint NOT NULL DEFAULT 0,
  entry text,
  exit text,
  reason text,
  revision integer NOT NULL DEFAULT -1,
  PRIMARY KEY (tenant, source, session_id)
);
CREATE INDEX sessions_by_person ON sessions (tenant, person);
CREATE INDEX sessions_by_actor ON sessions (tenant, actor);
CREATE INDEX sessions_by_start ON sessions (started_at);

-- Which anonymous actors belong to which known person; the newest link of an actor holds.
CREATE TABLE links (
  tenant text NOT NULL,
  actor text NOT NULL,
  user_id text NOT NULL,
  linked_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, actor, user_id)
);
CREATE INDEX links_by_user ON links (tenant, user_id);

-- One row a person: known by a user id, or an anonymous actor without a link.
CREATE TABLE profiles (
  tenant text NOT NULL,
  person text NOT NULL,
  is_known boolean NOT NULL,
  traits jsonb NOT NULL DEFAULT '{}',
  traits_at timestamptz,
  first_seen_at timestamptz NOT NULL,
  last_seen_at timestamptz NOT NULL,
  sessions integer NOT NULL DEFAULT 0,
  events bigint NOT NULL DEFAULT 0,
  anonymous_ids text[] NOT NULL DEFAULT '{}',
  PRIMARY KEY (tenant, person)
);

-- Ids of persons by the hash that an erasure names them with.
CREATE TABLE persons (
  tenant text NOT NULL,
  id text NOT NULL,
  hash bytea NOT NULL,
  PRIMARY KEY (tenant, id)
);
CREATE INDEX persons_by_hash ON persons (hash);

-- Who has been erased, and until when nothing of him is written any more.
CREATE TABLE erasures (
  tenant text NOT NULL,
  person_hash bytea NOT NULL,
  erased_at timestamptz NOT NULL,
  request_id text,
  ordinal bigint GENERATED ALWAYS AS IDENTITY,
  PRIMARY KEY (tenant, person_hash)
);
CREATE INDEX erasures_by_ordinal ON erasures (ordinal);

-- What the audit topic says: erasures, replays, redrives.
CREATE TABLE audit (
  at timestamptz NOT NULL,
  what text NOT NULL,
  tenant text NOT NULL,
  said jsonb NOT NULL,
  topic text NOT NULL,
  kafka_partition integer NOT NULL,
  kafka_offset bigint NOT NULL,
  PRIMARY KEY (topic, kafka_partition, kafka_offset)
);
CREATE INDEX audit_by_time ON audit (at);
