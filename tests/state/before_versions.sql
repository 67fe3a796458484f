BEGIN TRANSACTION;
CREATE TABLE acknowledgements (
	anomaly INTEGER NOT NULL,
	message TEXT NOT NULL,
	upn TEXT,
	PRIMARY KEY (anomaly)
);
INSERT INTO "acknowledgements" VALUES(1,'It is upn_missing. Mend it.',NULL);
INSERT INTO "acknowledgements" VALUES(2,'It is user_guest. Mend it.','agent2@contoso.com');
INSERT INTO "acknowledgements" VALUES(3,'It is user_disabled. Mend it.','agent3@contoso.com');
CREATE TABLE anomalies (
	id INTEGER NOT NULL,
	list VARCHAR(255) NOT NULL,
	row_id INTEGER NOT NULL,
	code VARCHAR(40) NOT NULL,
	severity VARCHAR(10) NOT NULL,
	upn TEXT,
	name TEXT NOT NULL,
	account TEXT NOT NULL,
	message TEXT NOT NULL,
	suggestion TEXT,
	opened DATETIME NOT NULL,
	seen DATETIME NOT NULL,
	resolved DATETIME,
	PRIMARY KEY (id)
);
INSERT INTO "anomalies" VALUES(1,'Agents',1,'upn_missing','error',NULL,'Agent 1','contoso','It is upn_missing. Mend it.',NULL,'2026-03-02 08:00:01.500000','2026-03-03 08:00:01.500000',NULL);
INSERT INTO "anomalies" VALUES(2,'Agents',2,'user_guest','warning','agent2@contoso.com','Agent 2','contoso','It is user_guest. Mend it.',NULL,'2026-03-02 08:00:01.500000','2026-03-02 08:00:01.500000','2026-03-03 08:00:01.500000');
INSERT INTO "anomalies" VALUES(3,'Agents',3,'user_disabled','error','other@contoso.com','Agent 3','contoso','It is user_disabled. Mend it.',NULL,'2026-03-02 08:00:01.500000','2026-03-03 08:00:01.500000',NULL);
CREATE TABLE passes (
	id INTEGER NOT NULL,
	list VARCHAR(255) NOT NULL,
	started DATETIME NOT NULL,
	seconds FLOAT NOT NULL,
	rows INTEGER NOT NULL,
	ok INTEGER NOT NULL,
	warning INTEGER NOT NULL,
	error INTEGER NOT NULL,
	unknown INTEGER NOT NULL,
	written INTEGER NOT NULL,
	held VARCHAR(40),
	PRIMARY KEY (id)
);
INSERT INTO "passes" VALUES(1,'Agents','2026-03-02 08:00:00.000000',1.5,3,0,1,2,0,3,NULL);
INSERT INTO "passes" VALUES(2,'Agents','2026-03-03 08:00:00.000000',1.5,3,1,0,2,0,3,NULL);
CREATE INDEX passes_by_time ON passes (list, started);
CREATE INDEX anomalies_open ON anomalies (list, resolved);
COMMIT;
