-- An insert says until when it may begin, and the server refuses it later:
-- a writer that was stopped for a while cannot store what its successor has
-- stored meanwhile. now64() is the time at which the insert began.
ALTER TABLE events ADD COLUMN valid_until DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1));
ALTER TABLE events ADD CONSTRAINT fence CHECK valid_until > now64(3);

-- What is stored of a range of offsets is asked after every doubt.
ALTER TABLE events ADD INDEX kafka_offset_range kafka_offset TYPE minmax GRANULARITY 1;

-- What is acknowledged is on disk. Without this the writer commits its offsets
-- two minutes late, so that it can bring again what a power cut took.
ALTER TABLE events MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
